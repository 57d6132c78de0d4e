// Torture does, for -duration, whatever is hard on somebody who watches: collections, growing and moving stacks,
// signals, panics, exits of goroutines, child processes, locked threads. Every part checks itself by sums.
//
// It prints OK and its sums at the end, and exits with 1 if one of them is wrong.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

var duration = flag.Duration("duration", 5*time.Second, "end after this long")

// part is one kind of hardship; a call of run does some of it and returns how many operations were right.
type part struct {
	name string
	run  func() (int, error)
	done atomic.Uint64
}

var parts = []*part{
	{name: "collections", run: collect},
	{name: "stacks", run: growStacks},
	{name: "channels", run: passOn},
	{name: "closed channels", run: sendOnClosed},
	{name: "exits", run: exitGoroutines},
	{name: "signals", run: signalSelf},
	{name: "processes", run: forkAndExec},
	{name: "threads", run: lockThreads},
	{name: "timers", run: fireTimers},
	{name: "stops", run: stopWorld},
}

func main() {
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, *duration)
	defer cancel()
	go func() {
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
		}
		cancel()
	}()
	if err := startProfilingSignals(); err != nil {
		fail("profiling timer", err)
	}
	fmt.Println("READY")
	var running sync.WaitGroup
	for _, part := range parts {
		running.Add(1)
		go part.loop(ctx, &running)
	}
	running.Wait()
	report()
}

func (p *part) loop(ctx context.Context, running *sync.WaitGroup) {
	defer running.Done()
	for ctx.Err() == nil {
		right, err := p.run()
		if err != nil {
			fail(p.name, err)
		}
		p.done.Add(uint64(right))
	}
}

func report() {
	sums := map[string]uint64{}
	for _, part := range parts {
		sums[part.name] = part.done.Load()
		if sums[part.name] == 0 {
			fail(part.name, fmt.Errorf("nothing was done"))
		}
	}
	text, err := json.Marshal(map[string]any{"go": runtime.Version(), "sums": sums})
	if err != nil {
		fail("report", err)
	}
	fmt.Printf("OK %s\n", text)
}

func fail(name string, err error) {
	fmt.Printf("FAILED %s: %v\n", name, err)
	os.Exit(1)
}
