// Command after counts requests with an atomic addition.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
)

type server struct{ requests atomic.Int64 }

func (s *server) handle(_, _ int) {
	s.requests.Add(1)
}

func main() {
	s := new(server)
	run.Program{Rate: 40000, Unit: s.handle}.Main()
}
