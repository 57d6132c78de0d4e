// Command before locks a goroutine to its thread for every batch, which it computes in plain Go.
package main

import (
	"runtime"
	"sync"

	"example.com/exercises/run"
	"example.com/exercises/thread-locked-goroutine/jobs"
)

type batch struct {
	jobs chan jobs.Job
	sum  int
}

func (b *batch) work(done *sync.WaitGroup) {
	runtime.LockOSThread() // finding: main.(*batch).work
	defer runtime.UnlockOSThread()
	defer done.Done()
	for job := range b.jobs { // finding: main.(*batch).work
		b.sum += job.Do()
	}
}

func (b *batch) handle(_, n int) {
	b.jobs = make(chan jobs.Job)
	var done sync.WaitGroup
	done.Add(1)
	go b.work(&done)
	for i := 0; i < 5; i++ {
		b.jobs <- jobs.Job{From: n, To: n + 5000}
		run.Pause()
	}
	close(b.jobs)
	done.Wait()
}

func main() {
	b := new(batch)
	run.Ballast(64)
	run.Program{Rate: 20, Unit: b.handle}.Main()
}
