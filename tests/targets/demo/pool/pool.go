// Package pool works off jobs with a fixed number of goroutines.
package pool

import (
	"errors"
	"sync"
	"time"
)

// Job is what a worker gets.
type Job struct {
	Order   uint64
	Payload []byte
}

// ErrBusy says that no worker took the job in time.
var ErrBusy = errors.New("all workers are busy")

// Pool hands jobs to its workers over one channel.
type Pool struct {
	jobs    chan Job
	workers sync.WaitGroup
}

// New starts the workers.
func New(n int, work func(Job)) *Pool {
	p := &Pool{jobs: make(chan Job, 2*n)}
	p.workers.Add(n)
	for i := 0; i < n; i++ {
		go p.run(work)
	}
	return p
}

func (p *Pool) run(work func(Job)) {
	defer p.workers.Done()
	for job := range p.jobs {
		work(job)
	}
}

// Submit hands over a job, waiting for a free place.
func (p *Pool) Submit(job Job) { p.jobs <- job }

// SubmitWithin gives up after the timeout.
func (p *Pool) SubmitWithin(job Job, timeout time.Duration) error {
	select {
	case p.jobs <- job:
		return nil
	case <-time.After(timeout):
		return ErrBusy
	}
}

// Close waits until everything handed over is done.
func (p *Pool) Close() {
	close(p.jobs)
	p.workers.Wait()
}
