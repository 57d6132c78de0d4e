// Command alike is traced when somebody begins to watch, for two seconds.
package main

import (
	"io"
	"runtime/trace"
	"time"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func once(length time.Duration) {
	if err := trace.Start(io.Discard); err != nil {
		run.Fail("%v", err)
	}
	time.Sleep(length)
	trace.Stop()
}

func main() {
	go once(2 * time.Second)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: relay.New().Call}.Main()
}
