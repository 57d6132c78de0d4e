// Latency makes operations that take 20 µs and longer and measures each of them itself, clock reads right around the
// line of the call.
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
	n     = flag.Int("n", 500, "operations per call site")
	pause = flag.Duration("pause", 200*time.Microsecond, "time between operations")
	wait  = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

// op is one call site and what its operations took, in nanoseconds.
type op struct {
	site string
	run  func() time.Duration
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
	ops := operations()
	for _, op := range ops {
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
		for _, op := range ops {
			op.took = append(op.took, op.run().Nanoseconds())
			time.Sleep(*pause)
		}
	}
	report(marks, ops, time.Since(began))
	for *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			return
		}
	}
}

func report(marks mark.Marks, ops []*op, elapsed time.Duration) {
	var truths []mark.Truth
	for _, op := range ops {
		count := uint64(len(op.took))
		latency := mark.Quantiles(op.took)
		for _, truth := range marks.Truths(op.site, "", count, count) {
			truth.Latency = latency
			truths = append(truths, truth)
		}
	}
	mark.Print(elapsed.Nanoseconds(), truths)
}
