// Command alike never asks for the number of processors, but its pools do when they are first used.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type session struct {
	scratch sync.Pool
	size    int
}

func (s *session) handle(n int) {
	buf, ok := s.scratch.Get().(*[64]byte)
	if !ok {
		buf = new([64]byte)
	}
	s.size += int(buf[n%64])
	s.scratch.Put(buf)
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 100, Unit: func(_, n int) { new(session).handle(n) }}.Main()
}
