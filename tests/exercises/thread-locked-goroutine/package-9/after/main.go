// Command after has workers that run on any thread.
package main

import (
	"example.com/exercises/run"
	"example.com/exercises/thread-locked-goroutine/jobs"
)

type pool struct {
	jobs    chan jobs.Job
	results chan int
}

func (p *pool) worker() {
	for job := range p.jobs {
		p.results <- job.Do()
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
