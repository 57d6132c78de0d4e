// Command after logs numbers as what they are.
package main

import (
	"example.com/exercises/interface-boxing/source-11/ring"
	"example.com/exercises/run"
)

type loop struct{ log *ring.Typed }

func (l *loop) iterate(_, n int) {
	l.log.Put(ring.Attr{Key: "value", Float: float64(n) * 1.5})
}

func main() {
	l := &loop{log: new(ring.Typed)}
	run.Ballast(128)
	run.Program{Rate: 40000, Unit: l.iterate}.Main()
}
