// Command after counts who is in with an atomic integer of its own.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
)

const most = 1000

type dispatcher struct {
	running            atomic.Int64
	dispatched, waited int
}

func (d *dispatcher) dispatch(_, n int) {
	for tries := 0; tries < 8 && d.crowded(); tries++ {
		d.waited++
	}
	d.dispatched += n
}

// crowded is inlined.
func (d *dispatcher) crowded() bool {
	return d.running.Load() > most
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 8000, Unit: new(dispatcher).dispatch}.Main()
}
