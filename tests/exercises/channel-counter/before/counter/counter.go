// Package counter counts by sending to a goroutine that adds up.
package counter

import "sync/atomic"

// Counter is a tally with a goroutine of its own.
type Counter struct {
	steps chan int64
	total atomic.Int64
}

// New starts the goroutine.
func New() *Counter {
	c := &Counter{steps: make(chan int64, 1024)}
	go c.reduce()
	return c
}

// Inc is small enough to be inlined wherever it is called.
func (c *Counter) Inc() {
	c.steps <- 1 // finding: example.com/exercises/channel-counter/before/counter.(*Counter).Inc
}

// Total is what has arrived.
func (c *Counter) Total() int64 { return c.total.Load() }

func (c *Counter) reduce() {
	for step := range c.steps {
		c.total.Add(step)
	}
}
