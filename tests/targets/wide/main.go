// Wide sends as fast as it goes: from many call sites, with many goroutines that wait to, or on many threads.
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

var (
	what = flag.String("do", "threads", "sites, goroutines or threads")
	n    = flag.Int("n", 1, "how many")

	// sites are functions of one call site each; a copy of this program gets more of them.
	sites    = []func(chan int){send}
	counters []counter
)

func main() {
	flag.Parse()
	counters = make([]counter, *n)
	switch *what {
	case "sites":
		if *n > len(sites) {
			fmt.Fprintln(os.Stderr, "wide: there are", len(sites), "call sites")
			os.Exit(2)
		}
		go eachSite()
	case "goroutines":
		values := make(chan int)
		for i := 0; i < *n; i++ {
			go wait(values)
		}
		go take(values)
	case "threads":
		runtime.GOMAXPROCS(*n)
		for i := range counters {
			go flatOut(&counters[i])
		}
	}
	fmt.Println("READY")
	for stdin := bufio.NewScanner(os.Stdin); stdin.Scan(); {
		var done uint64
		for i := range counters {
			done += counters[i].n.Load()
		}
		fmt.Println("COUNT", time.Now().UnixNano(), done, cpuTime())
	}
}

func eachSite() {
	values := make(chan int, 1)
	for {
		for _, send := range sites[:*n] {
			send(values)
			<-values
		}
		counters[0].n.Add(uint64(*n))
	}
}

//go:noinline
func send(values chan int) {
	values <- 1
}

// wait is one of those that wait in a send all the time.
func wait(values chan int) {
	for {
		values <- 1
	}
}

func take(values chan int) {
	for {
		<-values
		counters[0].n.Add(1)
	}
}

func flatOut(counter *counter) {
	values := make(chan int, 64)
	for {
		for i := 0; i < cap(values); i++ {
			send(values)
		}
		for i := 0; i < cap(values); i++ {
			<-values
		}
		counter.n.Add(uint64(cap(values)))
	}
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
