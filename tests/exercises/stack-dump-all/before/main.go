// Command before writes down the stacks of all goroutines with every request, in case somebody asks.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type handler struct {
	buf  []byte
	size int
}

func (h *handler) serve(_, n int) {
	h.capture()
	h.size += n & 1
}

func (h *handler) capture() {
	h.size = runtime.Stack(h.buf, true) // finding: main.(*handler).capture
}

func main() {
	h := &handler{buf: make([]byte, 1<<18)}
	run.Ballast(64)
	run.Program{Rate: 10, Unit: h.serve}.Main()
}
