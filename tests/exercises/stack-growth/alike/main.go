// Command alike starts as many goroutines, which need little stack, and walks deep where the stack is warm.
package main

import (
	"sync"

	"example.com/exercises/run"
	"example.com/exercises/stack-growth/tree"
)

type walker struct{ sum, flat int }

func (w *walker) look(root *tree.Node, done *sync.WaitGroup) {
	defer done.Done()
	w.flat += root.Weight
}

func main() {
	w, root := new(walker), tree.Grow(40)
	run.Ballast(256)
	run.Program{Rate: 1000, Unit: func(_, _ int) {
		var done sync.WaitGroup
		done.Add(1)
		go w.look(root, &done)
		w.sum += root.Sum()
		done.Wait()
	}}.Main()
}
