// Package deep has helpers that are inlined into each other and then into their callers.
package deep

import (
	"sync"
	"time"
)

var (
	mutex sync.Mutex
	sink  []*node
)

type node struct {
	next  *node
	value [3]int
}

// Innermost is inlined into inner, inner into outer, outer into its callers.
func innermost(value int) *node { return &node{value: [3]int{value}} }

func inner(value int) *node {
	made := innermost(value + 1)
	made.next = innermost(value + 2)
	return made
}

func outer(value int) *node {
	made := inner(value)
	made.next.next = inner(value * 2)
	return made
}

//go:noinline
func First() { keep(outer(1)) }

//go:noinline
func Second() {
	keep(outer(2))
	keep(outer(3))
}

func keep(made *node) {
	mutex.Lock()
	sink = append(sink, made)
	mutex.Unlock()
}

// Wait hides a timer of the standard library in an inlined call.
func Wait() {
	select {
	case <-time.After(time.Microsecond):
	case <-make(chan int):
	}
}

func Work() {
	First()
	Second()
	Wait()
	func() {
		defer func() { _ = recover() }()
		keep(outer(len(sink)))
		func() { keep(inner(len(sink))) }()
	}()
}
