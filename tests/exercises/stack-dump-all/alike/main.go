// Command alike writes down its own stack with every request: nobody has to stop for that.
package main

import (
	"runtime"
	"runtime/debug"

	"example.com/exercises/run"
)

type handler struct {
	buf  []byte
	size int
}

func (h *handler) serve(_, n int) {
	h.size = runtime.Stack(h.buf, false)
	if n%8 == 0 {
		h.size += len(debug.Stack())
	}
}

func main() {
	h := &handler{buf: make([]byte, 1<<14)}
	run.Ballast(64)
	run.Program{Rate: 40, Unit: h.serve}.Main()
}
