// Command after hands over items by the hundred.
package main

import "example.com/exercises/run"

const batch = 100

type stage[T any] struct {
	in, out chan []T
	apply   func(T) T
}

func (s *stage[T]) loop() {
	for items := range s.in {
		for i := range items {
			items[i] = s.apply(items[i])
		}
		s.out <- items
	}
}

func (s *stage[T]) pass(items []T) []T {
	s.in <- items
	return <-s.out
}

func main() {
	s := &stage[int]{in: make(chan []int), out: make(chan []int), apply: func(n int) int { return n + 1 }}
	go s.loop()
	sum, items := 0, make([]int, 0, batch)
	run.Ballast(64)
	run.Program{Rate: 25000, Unit: func(_, n int) {
		items = append(items, n)
		if len(items) == batch {
			items = s.pass(items)
			sum += items[0]
			items = items[:0]
		}
	}}.Main()
}
