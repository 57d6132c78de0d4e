// Command alike looks whether it is to stop before each step of real work.
package main

import "example.com/exercises/run"

type worker struct {
	stop chan struct{}
	sum  int
}

func (w *worker) step(_, n int) {
	select {
	case <-w.stop:
		return
	default:
	}
	for i := 0; i < 2000; i++ {
		w.sum += i ^ n
	}
}

func main() {
	w := &worker{stop: make(chan struct{})}
	run.Ballast(64)
	run.Program{Rate: 5000, Unit: w.step}.Main()
}
