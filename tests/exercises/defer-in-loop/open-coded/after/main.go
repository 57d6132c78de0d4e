// Command after unlocks where it is done.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type counter struct {
	mu    sync.Mutex
	count int
}

//go:noinline
func (c *counter) add(step int) {
	c.mu.Lock()
	c.count += step
	c.mu.Unlock()
}

func main() {
	c := new(counter)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: func(_, _ int) {
		for i := 0; i < 20000; i++ {
			c.add(i)
		}
	}}.Main()
}
