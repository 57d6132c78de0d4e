// Command after can be traced by whoever asks for it; nobody does.
package main

import (
	"io"
	"os"
	"os/signal"
	"runtime/trace"
	"syscall"
	"time"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func onRequest(requests <-chan os.Signal) {
	for range requests {
		if err := trace.Start(io.Discard); err != nil {
			run.Fail("%v", err)
		}
		time.Sleep(5 * time.Second)
		trace.Stop()
	}
}

func main() {
	requests := make(chan os.Signal, 1)
	signal.Notify(requests, syscall.SIGUSR1)
	go onRequest(requests)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: relay.New().Call}.Main()
}
