// Command alike makes closures as often, that capture variables too, but stay on the stack.
package main

import (
	"sort"
	"time"

	"example.com/exercises/run"
)

type meter struct {
	total time.Duration
	steps []int
}

func (m *meter) handle(_, n int) {
	start := time.Now()
	defer func() {
		m.total += time.Since(start)
	}()
	m.steps[0] += sort.Search(len(m.steps), func(i int) bool { return i >= n%8 })
}

func main() {
	m := &meter{steps: make([]int, 8)}
	run.Ballast(128)
	run.Program{Rate: 40000, Unit: m.handle}.Main()
}
