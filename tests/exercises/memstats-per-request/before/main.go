// Command before reports the size of its heap with every request, for which the world stops.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type handler func(path string) int

type tracer struct{ heap uint64 }

// measured is a middleware.
func (t *tracer) measured(next handler) handler {
	return func(path string) int {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats) // finding: main.(*tracer).measured.func1|main.main.(*tracer).measured.func1|main.main.(*tracer).measured.func2
		t.heap = stats.HeapInuse
		return next(path)
	}
}

func length(path string) int { return len(path) }

func main() {
	serve := new(tracer).measured(length)
	run.Ballast(64)
	run.Program{Rate: 30, Unit: func(_, _ int) { serve("/orders") }}.Main()
}
