// Command after reads counters that the runtime keeps anyway, every second, and hands out the last ones.
package main

import (
	"runtime/metrics"
	"sync/atomic"
	"time"

	"example.com/exercises/run"
)

type handler func(path string) int

type tracer struct{ heap atomic.Uint64 }

func (t *tracer) refresh() {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(time.Second) {
		metrics.Read(samples)
		t.heap.Store(samples[0].Value.Uint64())
	}
}

// measured is a middleware.
func (t *tracer) measured(next handler) handler {
	return func(path string) int {
		if t.heap.Load() > 1<<40 {
			return 0
		}
		return next(path)
	}
}

func length(path string) int { return len(path) }

func main() {
	t := new(tracer)
	go t.refresh()
	serve := t.measured(length)
	run.Ballast(64)
	run.Program{Rate: 30, Unit: func(_, _ int) { serve("/orders") }}.Main()
}
