// Command before makes a record per line, for a heap of some megabytes: the collector hardly rests.
package main

import (
	"example.com/exercises/gc-pressure/record"
	"example.com/exercises/run"
)

const size = 368

type reader struct{ sink *record.Sink }

func (r *reader) process(_, _ int) {
	for i := 0; i < 100; i++ {
		one := &record.Record{}
		one.Parse()
		r.sink.Emit(one)
	}
}

func main() {
	r := &reader{sink: new(record.Sink)}
	run.Program{Rate: 1000, Bytes: 100 * size, Unit: r.process}.Main()
}
