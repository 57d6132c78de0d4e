// Package grid computes on all processors that Go believes it has.
package grid

import (
	"runtime"
	"sync"
)

// Grid is numbers, and how many goroutines compute them.
type Grid struct {
	cells   []float64
	workers int
}

// New sees how many processors there are.
func New() *Grid {
	return &Grid{cells: make([]float64, 1<<14), workers: runtime.GOMAXPROCS(0)}
}

// Step takes some milliseconds of CPU time.
func (g *Grid) Step(_, _ int) {
	var all sync.WaitGroup
	all.Add(g.workers)
	for w := 0; w < g.workers; w++ {
		go func(w int) {
			defer all.Done()
			for round := 0; round < 20; round++ {
				for i := w; i < len(g.cells); i += g.workers {
					g.cells[i] = g.cells[i]*0.5 + float64(i)
				}
			}
		}(w)
	}
	all.Wait()
}
