// Command before counts requests through a channel.
package main

import (
	"example.com/exercises/channel-counter/before/counter"
	"example.com/exercises/run"
)

type server struct{ requests *counter.Counter }

func (s *server) handle(_, _ int) {
	s.requests.Inc()
}

func main() {
	s := &server{requests: counter.New()}
	run.Program{Rate: 40000, Unit: s.handle}.Main()
	if s.requests.Total() == 0 {
		run.Fail("nothing was counted")
	}
}
