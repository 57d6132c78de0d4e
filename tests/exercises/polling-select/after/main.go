// Command after waits for work.
package main

import "example.com/exercises/run"

type worker struct {
	work chan int
	stop chan struct{}
	done int
}

func (w *worker) loop() {
	for {
		select {
		case job := <-w.work:
			w.done += job
		case <-w.stop:
			return
		}
	}
}

func main() {
	w := &worker{work: make(chan int, 4), stop: make(chan struct{})}
	go w.loop()
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: func(_, n int) {
		if n%10 == 0 {
			w.work <- n
		}
	}}.Main()
	close(w.stop)
}
