// Command before counts what has leaked when it is leaked no more.
package main

import (
	"runtime"
	"sync/atomic"

	"example.com/exercises/run"
)

var leaked atomic.Int64

type conn struct {
	peer string
	buf  [64]byte
}

// tracked is generic: it counts the end of anything.
func tracked[T any](value *T) *T {
	runtime.SetFinalizer(value, func(*T) { leaked.Add(1) }) // finding: main.tracked[go.shape.struct { main.peer string; main.buf [64]uint8 }]
	return value
}

var last *conn

func main() {
	run.Program{Rate: 200, Unit: func(_, _ int) { last = tracked(&conn{peer: "somebody"}) }}.Main()
}
