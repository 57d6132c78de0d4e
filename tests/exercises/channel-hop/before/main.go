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

func main() {
	s := &stage[int]{in: make(chan int), out: make(chan int), apply: func(n int) int { return n + 1 }}
	go s.loop()
	sum := 0
	run.Ballast(64)
	run.Program{Rate: 25000, Unit: func(_, n int) { sum += s.pass(n) }}.Main()
}
