// Command after waits for each job with one timer, set anew.
package main

import (
	"time"

	"example.com/exercises/run"
)

const idle = 30 * time.Second

type worker struct {
	jobs chan int
	sum  int
}

func (w *worker) loop() {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		select {
		case job := <-w.jobs:
			w.sum += job
		case <-timer.C:
			return
		}
		if !timer.Stop() {
			select {
			case <-timer.C:
			default:
			}
		}
		timer.Reset(idle)
	}
}

func main() {
	w := &worker{jobs: make(chan int, 16)}
	go w.loop()
	run.Ballast(64)
	run.Program{Rate: 300, Unit: func(_, n int) { w.jobs <- n }}.Main()
}
