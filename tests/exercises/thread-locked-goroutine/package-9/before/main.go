// Command before has locked its workers to threads when it started, long before anybody watches.
package main

import (
	"runtime"

	"example.com/exercises/run"
	"example.com/exercises/thread-locked-goroutine/jobs"
)

type pool struct {
	jobs    chan jobs.Job
	results chan int
}

func (p *pool) worker() {
	runtime.LockOSThread() // finding: main.(*pool).worker
	defer runtime.UnlockOSThread()
	for job := range p.jobs { // finding: main.(*pool).worker
		p.results <- job.Do() // finding: main.(*pool).worker
	}
}

func main() {
	p := &pool{jobs: make(chan jobs.Job), results: make(chan int)}
	for i := 0; i < 3; i++ {
		go p.worker()
	}
	run.Ballast(64)
	run.Program{Rate: 200, Unit: func(_, n int) {
		p.jobs <- jobs.Job{From: n, To: n + 20000}
		<-p.results
	}}.Main()
}
