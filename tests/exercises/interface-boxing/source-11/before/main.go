// Command before logs numbers as interfaces, each of which is put on the heap.
package main

import (
	"example.com/exercises/interface-boxing/source-11/ring"
	"example.com/exercises/run"
)

type loop struct{ log *ring.Logger }

func (l *loop) iterate(_, n int) {
	l.log.Put("value", float64(n)*1.5) // finding: main.(*loop).iterate
}

func main() {
	l := &loop{log: new(ring.Logger)}
	run.Ballast(128)
	run.Program{Rate: 40000, Unit: l.iterate}.Main()
}
