// Flatout does one thing as fast as it can, or in bursts, and says how often whenever it is asked.
//
// After READY every line on stdin is answered by a line "COUNT <time in nanoseconds since 1970> <operations>
// <nanoseconds of CPU time>"; the end of stdin ends the program.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// counter has a cache line of its own.
type counter struct {
	n atomic.Uint64
	_ [56]byte
}

// burst is the number of sends in a burst of one millisecond.
const burst = 200

var (
	what    = flag.String("do", "alloc", "alloc, send, spawn, burst, idle or all")
	threads = flag.Int("threads", runtime.GOMAXPROCS(0), "goroutines that do it")
	work    = flag.Int("work", 0, "iterations of arithmetic between two operations")
	beside  = flag.String("beside", "", "what one more goroutine does that is not counted: as -do, or compute")
	scratch [64]scratchpad
)

// scratchpad is one goroutine's, with cache lines of its own.
type scratchpad struct {
	object *[6]int64
	sum    uint64
	_      [112]byte
}

func main() {
	flag.Parse()
	counters := make([]counter, *threads)
	for i := range counters {
		go run(*what, i, &counters[i].n)
	}
	if *beside != "" {
		go another(*beside)
	}
	fmt.Println("READY")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var n uint64
		for i := range counters {
			n += counters[i].n.Load()
		}
		fmt.Println("COUNT", time.Now().UnixNano(), n, cpuTime())
	}
}

func run(what string, i int, n *atomic.Uint64) {
	switch what {
	case "alloc":
		for {
			allocate(i)
			n.Add(1)
			compute(i)
		}
	case "send":
		c := make(chan int, 64)
		for {
			for j := 0; j < cap(c); j++ {
				send(c, j)
				compute(i)
			}
			for j := 0; j < cap(c); j++ {
				<-c
			}
			n.Add(uint64(cap(c)))
		}
	case "spawn":
		done := make(chan struct{}, 1)
		for {
			spawn(done)
			<-done
			n.Add(1)
			compute(i)
		}
	case "burst":
		c := make(chan int, burst)
		for range time.Tick(100 * time.Millisecond) {
			for j := 0; j < burst; j++ {
				send(c, j)
				spin(5 * time.Microsecond)
			}
			for j := 0; j < burst; j++ {
				<-c
			}
			n.Add(burst)
		}
	case "all":
		run([]string{"alloc", "send", "spawn"}[i%3], i, n)
	case "idle":
		select {}
	}
}

func another(what string) {
	const i = len(scratch) - 1
	for what == "compute" {
		compute(i)
	}
	run(what, i, new(atomic.Uint64))
}

//go:noinline
func allocate(i int) {
	scratch[i&63].object = new([6]int64)
}

//go:noinline
func send(c chan int, value int) {
	c <- value
}

//go:noinline
func spawn(done chan struct{}) {
	go func() { done <- struct{}{} }()
}

func spin(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}

func compute(i int) {
	sum := scratch[i&63].sum
	for j := 0; j < *work; j++ {
		sum = sum*6364136223846793005 + 1442695040888963407
	}
	scratch[i&63].sum = sum
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
