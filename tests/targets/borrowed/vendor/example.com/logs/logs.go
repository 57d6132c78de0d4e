// Package logs stands for a logger that somebody else wrote.
package logs

import "runtime"

// Last is the line that was logged from last.
var Last int

// Info logs where it was called from.
//
//go:noinline
func Info() {
	output(2)
}

//go:noinline
func output(depth int) {
	_, _, Last, _ = runtime.Caller(depth)
}
