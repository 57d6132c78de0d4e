// Command after leaves it to the collector when to collect.
package main

import (
	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

type service struct{ jobs int }

func (s *service) handle(_, n int) {
	report.Build(n)
	s.jobs++
}

func main() {
	run.Program{Rate: 6, Unit: new(service).handle}.Main()
}
