// Command before dispatches jobs and asks for the number of goroutines again and again while there are too many.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

const most = 1000

type dispatcher struct{ dispatched, waited int }

func (d *dispatcher) dispatch(_, n int) {
	for tries := 0; tries < 8 && d.crowded(); tries++ {
		d.waited++
	}
	d.dispatched += n
}

// crowded is inlined.
func (d *dispatcher) crowded() bool {
	return runtime.NumGoroutine()*most > 0 // finding: main.(*dispatcher).crowded
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 8000, Unit: new(dispatcher).dispatch}.Main()
}
