// Package later has goroutines, defers and panics, with and without closures that the compiler makes.
package later

import (
	"context"
	"fmt"
	"sync"
	"time"
)

type job struct {
	id   int
	done chan int
}

func (j job) run(factor int) { j.done <- j.id * factor }

func (j *job) close() { close(j.done) }

func start(group *sync.WaitGroup, jobs []job) {
	for _, j := range jobs {
		group.Add(1)
		go func(j job) {
			defer group.Done()
			j.run(2)
		}(j)
		go j.run(3)
	}
}

func collect(jobs []job) (sum int) {
	for i := range jobs {
		defer jobs[i].close()
		sum += <-jobs[i].done + <-jobs[i].done
	}
	return sum
}

func failing(depth int) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("depth %d: %v", depth, cause)
		}
	}()
	defer fmt.Sprint("before", depth)
	if depth > 3 {
		panic("too deep")
	}
	return failing(depth + 1)
}

func Work() {
	var group sync.WaitGroup
	jobs := make([]job, 3)
	for i := range jobs {
		jobs[i] = job{i, make(chan int)}
	}
	start(&group, jobs)
	collect(jobs)
	group.Wait()
	_ = failing(0)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	time.AfterFunc(time.Hour, func() { fmt.Println("never") }).Stop()
}
