// Command before hands every item to another goroutine and waits until it comes back.
package main

import "example.com/exercises/run"

type stage[T any] struct {
	in, out chan T
	apply   func(T) T
}

func (s *stage[T]) loop() {
	for item := range s.in { // finding: main.(*stage[go.shape.int]).loop
		s.out <- s.apply(item) // finding: main.(*stage[go.shape.int]).loop
	}
}

func (s *stage[T]) pass(item T) T {
	s.in <- item   // finding: main.(*stage[go.shape.int]).pass
	return <-s.out // finding: main.(*stage[go.shape.int]).pass
}

func newStage[T any](apply func(T) T) *stage[T] {
	s := &stage[T]{in: make(chan T), out: make(chan T), apply: apply}
	go s.loop()
	return s
}

func main() {
	next := func(n int) int { return n + 1 }
	stages := [2]*stage[int]{newStage(next), newStage(next)}
	var sums [2]int
	run.Ballast(64)
	run.Program{Rate: 50000, Workers: 2, Unit: func(worker, n int) {
		sums[worker] += stages[worker].pass(n)
	}}.Main()
}
