// Command after counts what is opened and what is closed.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
)

var opened, closed atomic.Int64

type conn struct {
	peer string
	buf  [64]byte
}

func newConn(peer string) *conn {
	opened.Add(1)
	return &conn{peer: peer}
}

func (c *conn) close() { closed.Add(1) }

var last *conn

func main() {
	run.Program{Rate: 200, Unit: func(_, _ int) {
		if last != nil {
			last.close()
		}
		last = newConn("somebody")
	}}.Main()
}
