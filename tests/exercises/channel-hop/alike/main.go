// Command alike hands over every item as well; what is done with one takes much longer than that.
package main

import "example.com/exercises/run"

type stage[T any] struct {
	in, out chan T
	apply   func(T) T
}

func (s *stage[T]) loop() {
	for item := range s.in {
		s.out <- s.apply(item)
	}
}

func (s *stage[T]) pass(item T) T {
	s.in <- item
	return <-s.out
}

func heavy(n int) int {
	for i := 0; i < 100_000; i++ {
		n = n ^ i<<1
	}
	return n
}

func main() {
	s := &stage[int]{in: make(chan int), out: make(chan int), apply: heavy}
	go s.loop()
	sum := 0
	run.Ballast(64)
	run.Program{Rate: 1500, Unit: func(_, n int) { sum += s.pass(n) }}.Main()
}
