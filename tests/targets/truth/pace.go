package main

import "time"

// pace holds a loop to a number of operations per second, in slices of a millisecond or more.
type pace struct {
	rate  int
	began time.Time
	done  int
}

func newPace(rate int) *pace { return &pace{rate: rate, began: time.Now()} }

func (p *pace) one() {
	if p.rate == 0 {
		return
	}
	p.done++
	due := time.Duration(p.done) * time.Second / time.Duration(p.rate)
	if ahead := due - time.Since(p.began); ahead > time.Millisecond {
		time.Sleep(ahead)
	}
}
