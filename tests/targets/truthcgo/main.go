// Truthcgo makes exactly known numbers of C calls at known call sites, and measures each of them itself.
//
// See package mark for the markers. The calls run for known times, and call back into Go.
package main

import (
	"bufio"
	"embed"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/mark"
)

var (
	n    = flag.Int("n", 500, "operations per call site")
	wait = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

// op is one call site. Operations inside callbacks are counted where they are made.
type op struct {
	site string
	into string
	run  func() time.Duration
	// also names sites that each operation passes through as well, and how often.
	also map[string]uint64
	took []int64
}

//go:embed *.go
var sources embed.FS

var stop atomic.Bool

func main() {
	flag.Parse()
	debug.SetGCPercent(-1)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() { <-signals; stop.Store(true); os.Stdin.Close() }()
	marks := mark.Marks{}
	_, here, _, _ := runtime.Caller(0)
	marks.Read(sources, here)
	for _, op := range operations {
		op.took = make([]int64, 0, *n)
	}
	fmt.Println("READY")

	stdin := bufio.NewReader(os.Stdin)
	if *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	began := time.Now()
	for round := 0; round < *n && !stop.Load(); round++ {
		for _, op := range operations {
			op.took = append(op.took, op.run().Nanoseconds())
		}
	}
	report(marks, time.Since(began))
	for *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			return
		}
	}
}

func report(marks mark.Marks, elapsed time.Duration) {
	var truths []mark.Truth
	for _, op := range operations {
		count := uint64(len(op.took))
		latency := mark.Quantiles(op.took)
		for _, truth := range marks.Truths(op.site, op.into, count, count) {
			truth.Latency = latency
			truths = append(truths, truth)
		}
		for site, times := range op.also {
			truths = append(truths, marks.Truths(site, "", times*count, times*count)...)
		}
	}
	mark.Print(elapsed.Nanoseconds(), truths)
}
