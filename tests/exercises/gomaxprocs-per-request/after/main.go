// Command after sets the number of processors when it starts.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type handler struct{ served int }

func (h *handler) serve(_, _ int) {
	h.served++
}

func main() {
	runtime.GOMAXPROCS(runtime.NumCPU())
	run.Ballast(64)
	run.Program{Rate: 50, Unit: new(handler).serve}.Main()
}
