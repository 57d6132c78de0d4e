// Command before sets the number of processors with every request, to what it is.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type handler struct{ served int }

func (h *handler) serve(_, _ int) {
	tune()
	h.served++
}

// tune is inlined into the handler.
func tune() {
	runtime.GOMAXPROCS(runtime.NumCPU()) // finding: main.tune
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 50, Unit: new(handler).serve}.Main()
}
