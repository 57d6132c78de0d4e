// Command alike defers an unlock too, without a loop and not often: the compiler writes it out, and it costs nothing.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type set struct {
	mu      sync.Mutex
	members map[int]struct{}
}

func (s *set) add(member int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[member%100] = struct{}{}
}

func main() {
	s := &set{members: make(map[int]struct{})}
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, n int) { s.add(n) }}.Main()
}
