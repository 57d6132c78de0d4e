// Command after writes down stacks when a request has panicked.
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
	defer func() {
		if recover() != nil {
			h.size = runtime.Stack(h.buf, true)
		}
	}()
	if n < 0 {
		panic("a negative request")
	}
	h.size += n & 1
}

func main() {
	h := &handler{buf: make([]byte, 1<<18)}
	run.Ballast(64)
	run.Program{Rate: 10, Unit: h.serve}.Main()
}
