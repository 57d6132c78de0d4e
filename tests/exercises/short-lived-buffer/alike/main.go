// Command alike makes buffers of the same size for each answer, but seldom, and on the stack where it can.
package main

import (
	"io"

	"example.com/exercises/run"
)

const size = 4096

type view struct {
	out io.Writer
	sum int
}

func (v *view) render(_, n int) {
	var local [size]byte
	local[n%size] = 1
	for _, b := range local {
		v.sum += int(b)
	}
	if n%8 == 0 {
		buf := make([]byte, size)
		if _, err := v.out.Write(buf); err != nil {
			run.Fail("write: %v", err)
		}
	}
}

func main() {
	v := &view{out: io.Discard}
	run.Ballast(128)
	run.Program{Rate: 4000, Unit: v.render}.Main()
}
