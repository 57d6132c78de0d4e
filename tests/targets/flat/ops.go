package main

import (
	"runtime"
	"sync"
	"sync/atomic"
)

var total int

func calls(n int) {
	for i := 0; i < n; i++ {
		total += called(i)
	}
}

// called has a frame of its own, because it calls something that is not inlined.
//
//go:noinline
func called(i int) int {
	return leaf(i) + 1
}

//go:noinline
func leaf(i int) int { return i & 7 }

// sends fills and empties a channel on one goroutine: no send waits, and none is received by somebody who waits.
func sends(n int) {
	values := make(chan int, 128)
	for i := 0; i < n; i += cap(values) {
		for j := 0; j < cap(values); j++ {
			values <- j
		}
		for j := 0; j < cap(values); j++ {
			<-values
		}
	}
}

func spawns(n int) {
	var running sync.WaitGroup
	for i := 0; i < n; i += 64 {
		running.Add(64)
		for j := 0; j < 64; j++ {
			go running.Done()
		}
		running.Wait()
	}
}

type node struct {
	left, right *node
	value       [4]int64
}

// sinks are a thread's own, or threads would fight for a cache line.
type sink struct {
	node  *node
	bytes []byte
	_     [8]uint64
}

func allocations(n int) {
	var here sink
	for i := 0; i < n; i++ {
		here.node = new(node)
		escape(&here)
	}
}

func largeAllocations(n int) {
	var here sink
	for i := 0; i < n; i++ {
		here.bytes = make([]byte, 1024)
		escape(&here)
	}
}

var escaped atomic.Pointer[sink]

// escape makes the compiler believe that somebody else may see the sink.
func escape(here *sink) {
	if here.bytes != nil && here.node != nil {
		escaped.Store(here)
		runtime.KeepAlive(here)
	}
}
