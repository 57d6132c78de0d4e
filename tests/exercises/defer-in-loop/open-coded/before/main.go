// Command before unlocks by a defer in a function that is called so often that even a written-out defer shows.
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
	defer c.mu.Unlock() // finding: main.(*counter).add
	c.count += step
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
