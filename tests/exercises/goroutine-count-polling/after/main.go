// Command after counts its requests itself.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
)

type gauge struct {
	serving atomic.Int64
	last    int64
}

func (g *gauge) scrape(_, _ int) {
	g.serving.Add(1)
	defer g.serving.Add(-1)
	g.last = g.serving.Load()
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 20, Unit: new(gauge).scrape}.Main()
}
