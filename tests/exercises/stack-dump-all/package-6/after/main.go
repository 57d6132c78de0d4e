// Command after looks at the number of goroutines, and at the goroutines when there are too many.
package main

import (
	"bytes"
	"runtime"
	"runtime/metrics"
	"time"

	"example.com/exercises/run"
)

const beat = 1200 * time.Millisecond

type detector struct {
	buf     []byte
	samples []metrics.Sample
	stuck   int
}

func (d *detector) watch() {
	for range time.Tick(beat) {
		metrics.Read(d.samples)
		if d.samples[0].Value.Uint64() > 100_000 {
			n := runtime.Stack(d.buf, true)
			d.stuck = bytes.Count(d.buf[:n], []byte("minutes]"))
		}
	}
}

func main() {
	d := &detector{buf: make([]byte, 1<<18), samples: []metrics.Sample{{Name: "/sched/goroutines:goroutines"}}}
	go d.watch()
	run.Ballast(64)
	work := 0
	run.Program{Rate: 50, Unit: func(_, n int) { work += n }}.Main()
}
