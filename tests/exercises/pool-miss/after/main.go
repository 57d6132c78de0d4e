// Command after gives back what it has taken from the pool.
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
	return new(scratch)
}

func parse(n int) int {
	s := pool.Get().(*scratch)
	defer pool.Put(s)
	s.words[n%32] = n
	s.used++
	return s.words[0] + s.used
}

func main() {
	sum := 0
	run.Ballast(256)
	run.Program{Rate: 5000, Unit: func(_, n int) { sum += parse(n) }}.Main()
}
