// Command alike looks for leaked goroutines every few seconds.
package main

import (
	"runtime"
	"time"

	"example.com/exercises/run"
)

type watch struct {
	last time.Time
	most int
}

func (w *watch) serve(_, _ int) {
	if time.Since(w.last) < 3*time.Second {
		return
	}
	w.last = time.Now()
	if n := runtime.NumGoroutine(); n > w.most {
		w.most = n
	}
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 20, Unit: new(watch).serve}.Main()
}
