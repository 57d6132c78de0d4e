// Command before collects garbage by hand after every job.
package main

import (
	"runtime"

	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

type service struct{ jobs int }

func (s *service) handle(_, n int) {
	report.Build(n)
	s.jobs++
	s.tidy()
}

// tidy is inlined into its callers.
func (s *service) tidy() {
	runtime.GC() // finding: main.(*service).tidy
}

func main() {
	run.Program{Rate: 6, Unit: new(service).handle}.Main()
}
