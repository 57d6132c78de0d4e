// Command before looks for stuck goroutines by writing down all of them at a regular beat.
package main

import (
	"bytes"
	"runtime"
	"time"

	"example.com/exercises/run"
)

const beat = 1200 * time.Millisecond

type detector struct {
	buf   []byte
	stuck int
}

func (d *detector) watch() {
	for range time.Tick(beat) {
		n := runtime.Stack(d.buf, true) // finding: main.(*detector).watch
		d.stuck = bytes.Count(d.buf[:n], []byte("minutes]"))
	}
}

func main() {
	d := &detector{buf: make([]byte, 1<<18)}
	go d.watch()
	run.Ballast(64)
	work := 0
	run.Program{Rate: 50, Unit: func(_, n int) { work += n }}.Main()
}
