// Command alike gives memory back once, between two phases.
package main

import (
	"runtime/debug"
	"time"

	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

type batch struct {
	began  time.Time
	second bool
}

func (b *batch) step(_, n int) {
	report.Build(n)
	if !b.second && time.Since(b.began) > 2*time.Second {
		b.second = true
		debug.FreeOSMemory()
	}
}

func main() {
	run.Ballast(8)
	run.Program{Rate: 50, Unit: (&batch{began: time.Now()}).step}.Main()
}
