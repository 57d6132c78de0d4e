// Command before walks each tree in a goroutine of its own, whose stack has to grow four times for it.
package main

import (
	"sync"

	"example.com/exercises/run"
	"example.com/exercises/stack-growth/tree"
)

type walker struct{ sum int }

func (w *walker) walk(root *tree.Node, done *sync.WaitGroup) {
	defer done.Done()
	w.sum += root.Sum() // finding: main.(*walker).walk
}

func main() {
	w, root := new(walker), tree.Grow(40)
	run.Ballast(256)
	run.Program{Rate: 1000, Unit: func(_, _ int) {
		var done sync.WaitGroup
		done.Add(1)
		go w.walk(root, &done)
		done.Wait()
	}}.Main()
}
