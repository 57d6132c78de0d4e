// Command alike takes a lock ten thousand times a second, and nobody else wants it.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) hit(tenant string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts[tenant]++
	return t.counts[tenant]
}

func main() {
	t := &tally{counts: make(map[string]int)}
	run.Ballast(64)
	run.Program{Rate: 10000, Unit: func(_, _ int) { t.hit("ada") }}.Main()
}
