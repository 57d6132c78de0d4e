package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type tree struct {
	left, right *tree
	value       uint64
}

func newTree(depth int, value uint64) *tree {
	if depth == 0 {
		return &tree{value: value}
	}
	return &tree{left: newTree(depth-1, 2*value), right: newTree(depth-1, 2*value+1), value: value}
}

func (t *tree) sum() uint64 {
	if t == nil {
		return 0
	}
	return t.value + t.left.sum() + t.right.sum()
}

// collect has trees survive collections: all nodes of a full tree counted through make n*(n+1)/2.
func collect() (int, error) {
	const depth = 11
	t := newTree(depth, 1)
	garbage := make([][]byte, 0, 64)
	for size := 16; size <= 64<<10; size *= 2 {
		garbage = append(garbage, make([]byte, size))
	}
	runtime.GC()
	debug.FreeOSMemory()
	n := uint64(1)<<(depth+1) - 1
	if sum := t.sum(); sum != n*(n+1)/2 {
		return 0, fmt.Errorf("a tree sums up to %d instead of %d", sum, n*(n+1)/2)
	}
	return len(garbage), nil
}

// growStacks recurses deeply in a fresh goroutine, whose stack has to be moved many times, with a pointer into it.
func growStacks() (int, error) {
	const depth = 5000
	result := make(chan uint64)
	go func() {
		var sum uint64
		descend(depth, &sum)
		result <- sum
	}()
	if sum := <-result; sum != depth*(depth+1)/2 {
		return 0, fmt.Errorf("a recursion sums up to %d", sum)
	}
	return depth, nil
}

//go:noinline
func descend(depth uint64, sum *uint64) {
	var frame [24]uint64
	frame[depth%24] = depth
	if depth > 0 {
		if depth%1000 == 0 {
			// Work of the runtime from deep within: a stack that moves while its operations are under way.
			handOver(&frame)
		}
		descend(depth-1, sum)
	}
	*sum += frame[depth%24]
}

//go:noinline
func handOver(frame *[24]uint64) {
	through := make(chan *[24]uint64)
	go func() { kept := <-through; through <- kept }()
	through <- frame
	if <-through != frame {
		panic("a pointer changed on its way")
	}
}
