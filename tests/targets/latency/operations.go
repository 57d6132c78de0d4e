package main

import (
	"runtime"
	"time"
)

// delays are what receivers take before they receive, in turn: their quantiles lie far apart, and the median amid many
// that are alike.
var delays = []time.Duration{
	20 * time.Microsecond, 50 * time.Microsecond, 200 * time.Microsecond, 200 * time.Microsecond,
	200 * time.Microsecond, time.Millisecond, 2 * time.Millisecond,
}

func operations() []*op {
	parkCrowd(1000)
	return []*op{
		{site: "chan.short", run: newShortSend()},
		{site: "stw.short", run: newShortStop()},
		{site: "alloc.short", run: allocateLittle},
		{site: "chan.delayed", run: newDelayedSend()},
		{site: "stw.stacks", run: stacks},
		{site: "memstats.read", run: readStats},
		{site: "alloc.large", run: allocate},
	}
}

// newShortSend returns a send that waits for nobody. The short operations take next to nothing, so that what a watcher
// adds to an operation can be told.
func newShortSend() func() time.Duration {
	values := make(chan int, 1)
	return func() time.Duration {
		took := shortSend(values)
		<-values
		return took
	}
}

//go:noinline
func shortSend(values chan int) time.Duration {
	began := time.Now()
	values <- 1 // site: chan.short main.shortSend
	return time.Since(began)
}

// newShortStop returns a stop of the world that changes the number of processors.
func newShortStop() func() time.Duration {
	basic := runtime.GOMAXPROCS(0)
	return func() time.Duration {
		took := shortStop(basic + 1)
		runtime.GOMAXPROCS(basic)
		return took
	}
}

//go:noinline
func shortStop(processors int) time.Duration {
	began := time.Now()
	runtime.GOMAXPROCS(processors) // site: stw.short main.shortStop
	return time.Since(began)
}

var little []byte

// Objects above 32 KiB are large ones, and go the same way as those of megabytes.
//
//go:noinline
func allocateLittle() time.Duration {
	began := time.Now()
	little = make([]byte, 40<<10) // site: alloc.short main.allocateLittle
	return time.Since(began)
}

// newDelayedSend returns a send that waits for its receiver, who spins for a known time before it takes the value.
func newDelayedSend() func() time.Duration {
	values, about := make(chan int), make(chan time.Duration, 1)
	go func() {
		for delay := range about {
			spin(delay)
			<-values
		}
	}()
	round := 0
	return func() time.Duration {
		about <- delays[round%len(delays)]
		round++
		return delayedSend(values)
	}
}

//go:noinline
func delayedSend(values chan int) time.Duration {
	began := time.Now()
	values <- 1 // site: chan.delayed main.delayedSend
	return time.Since(began)
}

func spin(delay time.Duration) {
	for began := time.Now(); time.Since(began) < delay; {
	}
}

// parkCrowd starts goroutines that never do anything: the more there are, the longer their stacks take to print.
func parkCrowd(n int) {
	for i := 0; i < n; i++ {
		go func() { select {} }()
	}
}

var printed = make([]byte, 1<<20)

//go:noinline
func stacks() time.Duration {
	began := time.Now()
	runtime.Stack(printed, true) // site: stw.stacks main.stacks
	return time.Since(began)
}

var stats runtime.MemStats

//go:noinline
func readStats() time.Duration {
	began := time.Now()
	runtime.ReadMemStats(&stats) // site: memstats.read main.readStats
	return time.Since(began)
}

var large []byte

// Memory that was used before has to be cleared, which takes the time; the collection lies outside the measurement.
//
//go:noinline
func allocate() time.Duration {
	large = nil
	runtime.GC()
	began := time.Now()
	large = make([]byte, 8<<20) // site: alloc.large main.allocate
	took := time.Since(began)
	for i := 0; i < len(large); i += 4096 {
		large[i] = 1
	}
	return took
}
