// Command alike reports the size of its heap with every request, but from counters that need no stop of the world.
package main

import (
	"runtime/metrics"

	"example.com/exercises/run"
)

type tracer struct {
	samples []metrics.Sample
	heap    uint64
}

func (t *tracer) request(_, _ int) {
	metrics.Read(t.samples)
	t.heap = t.samples[0].Value.Uint64()
}

func main() {
	t := &tracer{samples: []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/allocs:bytes"},
	}}
	run.Ballast(64)
	run.Program{Rate: 30, Unit: t.request}.Main()
}
