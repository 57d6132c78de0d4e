// Command alike makes garbage too, but has a heap so large that the collector runs every few seconds.
package main

import (
	"example.com/exercises/gc-pressure/record"
	"example.com/exercises/run"
)

const size = 368

type reader struct{ sink *record.Sink }

func (r *reader) process(_, _ int) {
	for i := 0; i < 10; i++ {
		one := &record.Record{}
		one.Parse()
		r.sink.Emit(one)
	}
}

func main() {
	r := &reader{sink: new(record.Sink)}
	run.Ballast(64)
	run.Program{Rate: 1000, Bytes: 10 * size, Unit: r.process}.Main()
}
