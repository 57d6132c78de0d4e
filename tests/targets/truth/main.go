// Truth makes exactly known numbers of runtime operations at known call sites and prints them as JSON.
//
// Every call site is one source line with a marker comment, see package mark.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/mark"
)

// op is one way to reach one call site; run makes exactly one operation there.
type op struct {
	site string
	// into names the caller whose copy of an inlined site this is.
	into string
	run  func()
	// size returns the bytes that the last run asked the allocator for.
	size func() uint64
	// every lets the operation run in each every-th round only, for those that are slow.
	every int
	// panics marks operations that never return from the runtime function.
	panics bool
	// tiny marks allocations that share a block with others: the memory profile shows the blocks only.
	tiny bool

	count uint64
	bytes uint64
}

// group is a set of operations that one goroutine makes in turn.
type group struct {
	name string
	ops  []*op
	// before runs alone, ahead of all groups: truths that only an idle process can tell.
	before func(n int)
}

var (
	probes = flag.String("probe", "all", "comma-separated groups: chan, alloc, timer, go, stw, memstats; or all")
	n      = flag.Int("n", 10_000, "rounds; each round makes one operation per call site")
	rate   = flag.Int("rate", 0, "operations per second and group; 0: as fast as it goes")
	procs  = flag.Int("procs", 0, "GOMAXPROCS; 0: Go's default")
	wait   = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

var stop atomic.Bool

func main() {
	flag.Parse()
	if *procs > 0 {
		runtime.GOMAXPROCS(*procs)
		basicProcs = *procs
	}
	if *verify {
		runtime.MemProfileRate = 1
	}
	// A collection would start workers and threads under whichever line happened to trigger it.
	debug.SetGCPercent(-1)
	groups := selected(*probes)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() { <-signals; stop.Store(true); os.Stdin.Close() }()
	startReceivers()
	fmt.Println("READY")

	stdin := bufio.NewReader(os.Stdin)
	if *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	began := time.Now()
	work(groups)
	elapsed := time.Since(began)
	if *verify {
		verifyAllocations(allocGroup.ops)
	}
	report(groups, elapsed)
	if *wait {
		for {
			if _, err := stdin.ReadString('\n'); err != nil {
				return
			}
		}
	}
}

func work(groups []*group) {
	for _, group := range groups {
		if group.before != nil {
			group.before(*n)
		}
	}
	var running sync.WaitGroup
	running.Add(len(groups))
	for _, group := range groups {
		group := group
		go func() {
			defer running.Done()
			rounds(group)
		}()
	}
	running.Wait()
}

func rounds(group *group) {
	pace := newPace(*rate)
	for round := 0; round < *n && !stop.Load(); round++ {
		for _, op := range group.ops {
			if op.run == nil || op.every > 1 && round%op.every != 0 {
				continue
			}
			pace.one()
			op.run()
			op.count++
			if op.size != nil {
				op.bytes += op.size()
			}
		}
		if group.name == "alloc" && round%256 == 255 {
			alone(runtime.GC)
		}
	}
}

var collecting sync.Mutex

// alone keeps one collection from joining another, which would then stop the world for both.
func alone(collect func()) {
	collecting.Lock()
	collect()
	collecting.Unlock()
}

func selected(list string) []*group {
	all := []*group{chanGroup, allocGroup, timerGroup, goGroup, stwGroup, memstatsGroup}
	if list == "all" {
		return all
	}
	var chosen []*group
	for _, name := range strings.Split(list, ",") {
		found := false
		for _, group := range all {
			if group.name == name {
				chosen, found = append(chosen, group), true
			}
		}
		if !found {
			fmt.Fprintf(os.Stderr, "no such probe: %q\n", name)
			os.Exit(2)
		}
	}
	return chosen
}

func report(groups []*group, elapsed time.Duration) {
	var truths []mark.Truth
	for _, group := range groups {
		for _, op := range group.ops {
			truths = append(truths, truthsOf(op)...)
		}
	}
	mark.Print(elapsed.Nanoseconds(), truths)
}
