// Command before takes from a pool and forgets to give back, so the pool has to make each one.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type scratch struct {
	words [32]int
	used  int
}

var pool = sync.Pool{New: newScratch}

func newScratch() any {
	return new(scratch) // finding: main.newScratch
}

func parse(n int) int {
	s := pool.Get().(*scratch) // finding: main.parse
	s.words[n%32] = n
	s.used++
	return s.words[0] + s.used
}

func main() {
	sum := 0
	run.Ballast(256)
	run.Program{Rate: 5000, Unit: func(_, n int) { sum += parse(n) }}.Main()
}
