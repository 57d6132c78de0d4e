// Command after uses records again when they have been emitted.
package main

import (
	"sync"

	"example.com/exercises/gc-pressure/record"
	"example.com/exercises/run"
)

const size = 368

var records = sync.Pool{New: func() any { return new(record.Record) }}

type reader struct{ sink *record.Sink }

func (r *reader) process(_, _ int) {
	for i := 0; i < 100; i++ {
		one := records.Get().(*record.Record)
		one.Reset()
		one.Parse()
		r.sink.Emit(one)
		records.Put(one)
	}
}

func main() {
	r := &reader{sink: new(record.Sink)}
	run.Program{Rate: 1000, Bytes: 100 * size, Unit: r.process}.Main()
}
