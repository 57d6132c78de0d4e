// Command alike makes so much garbage that the collector runs by itself about once a second, and returns its memory
// to the system once, at the end of a phase.
package main

import (
	"runtime/debug"
	"time"

	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

type service struct{ phase time.Time }

func (s *service) handle(_, n int) {
	report.Build(n)
	if !s.phase.IsZero() && time.Since(s.phase) > 1500*time.Millisecond {
		s.phase = time.Time{}
		debug.FreeOSMemory()
	}
}

func main() {
	s := &service{phase: time.Now()}
	run.Ballast(8)
	run.Program{Rate: 150, Unit: s.handle}.Main()
}
