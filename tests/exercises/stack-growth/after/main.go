// Command after walks all trees in one goroutine, whose stack has grown once.
package main

import (
	"example.com/exercises/run"
	"example.com/exercises/stack-growth/tree"
)

type walker struct {
	roots chan *tree.Node
	sums  chan int
}

func (w *walker) loop() {
	for root := range w.roots {
		w.sums <- root.Sum()
	}
}

func main() {
	w, root := &walker{roots: make(chan *tree.Node), sums: make(chan int)}, tree.Grow(40)
	go w.loop()
	run.Ballast(256)
	run.Program{Rate: 1000, Unit: func(_, _ int) {
		w.roots <- root
		<-w.sums
	}}.Main()
}
