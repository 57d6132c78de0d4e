// Command before traces its execution from start to end.
package main

import (
	"io"
	"runtime/trace"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func main() {
	if err := trace.Start(io.Discard); err != nil { // finding: main.main
		run.Fail("%v", err)
	}
	defer trace.Stop()
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: relay.New().Call}.Main()
}
