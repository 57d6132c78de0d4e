// Command alike has a pool that hits, and misses now and then where somebody keeps what he took.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type scratch struct{ words [32]int }

var (
	pool = sync.Pool{New: func() any { return new(scratch) }}
	kept [16]*scratch
)

func parse(n int) int {
	s := pool.Get().(*scratch)
	s.words[n%32] = n
	sum := s.words[0]
	if n%50 == 0 {
		kept[n/50%len(kept)] = s
	} else {
		pool.Put(s)
	}
	return sum
}

func main() {
	sum := 0
	run.Ballast(256)
	run.Program{Rate: 5000, Unit: func(_, n int) { sum += parse(n) }}.Main()
}
