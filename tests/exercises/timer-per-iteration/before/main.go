// Command before waits for each job with a timer of its own, none of which ever fires.
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
	for {
		select {
		case job := <-w.jobs:
			w.sum += job
		case <-time.After(idle): // finding: main.(*worker).loop
			return
		}
	}
}

func main() {
	w := &worker{jobs: make(chan int, 16)}
	go w.loop()
	run.Ballast(64)
	run.Program{Rate: 300, Unit: func(_, n int) { w.jobs <- n }}.Main()
}
