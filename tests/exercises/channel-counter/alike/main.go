// Command alike sends as often, but what it sends are values that somebody needs, and it takes a semaphore now and then.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
)

// histogram is kept by one goroutine, which gets each duration.
type histogram struct {
	durations chan int64
	limit     chan struct{}
	buckets   [64]atomic.Int64
}

func (h *histogram) observe(_, n int) {
	if n%100 == 0 {
		h.limit <- struct{}{}
		defer func() { <-h.limit }()
	}
	h.durations <- int64(n) * 37 % 100_000
}

func (h *histogram) reduce() {
	for duration := range h.durations {
		h.buckets[duration%64].Add(1)
	}
}

func main() {
	h := &histogram{durations: make(chan int64, 1024), limit: make(chan struct{}, 4)}
	go h.reduce()
	run.Program{Rate: 25000, Unit: h.observe}.Main()
}
