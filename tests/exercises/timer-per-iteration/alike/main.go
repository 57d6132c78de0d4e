// Command alike makes a timer per round too, but waits for it: each has fired before the next one is made.
package main

import (
	"time"

	"example.com/exercises/run"
)

type poller struct{ rounds int }

func (p *poller) round(_, _ int) {
	<-time.After(15 * time.Millisecond)
	p.rounds++
}

func main() {
	p := new(poller)
	run.Ballast(64)
	run.Program{Rate: 40, Unit: p.round}.Main()
}
