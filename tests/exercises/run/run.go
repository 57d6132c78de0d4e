// Package run is what the programs of the exercises share: flags, a steady pace, an end, and their own truth.
//
// A program does one unit of work again and again at a given rate. It says READY on stdout once it runs at that rate
// and prints one line of JSON when it ends: what it did, how long it took, which CPU time it used. Beside its units it
// computes, as a service does that parses and encodes: a program that uses no CPU time leaves a profiler none. Nothing
// in here starts goroutines, allocates, or starts timers per unit.
package run

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// warmUp is the time from the first unit to READY: what happens once at the start is over by then.
	warmUp = 300 * time.Millisecond
	// behind is how much work a worker that was held up makes up for; the rest is left out, so that a busy machine
	// makes no bursts.
	behind = 20 * time.Millisecond
	// kept is the number of latencies that a worker keeps: the last ones.
	kept = 1 << 14
)

// Program is a unit of work and how often it is to be done.
type Program struct {
	// Rate is the default of units per second, of all workers together.
	Rate int
	// Workers is the number of goroutines that do units; 0 means 1.
	Workers int
	// Bytes is what one unit handles, where that is of interest.
	Bytes int
	// Unit does the work; calls of one worker come one after the other, n counts from 0.
	Unit func(worker, n int)
}

// Truth is what a program knows about itself.
type Truth struct {
	Program  string  `json:"program"`
	Go       string  `json:"go"`
	Calls    uint64  `json:"calls"`
	Bytes    uint64  `json:"bytes"`
	Elapsed  int64   `json:"elapsed_ns"`
	Rate     float64 `json:"calls_per_s"`
	P50      int64   `json:"p50_ns"`
	P99      int64   `json:"p99_ns"`
	CPU      int64   `json:"cpu_ns"`
	CPUShare float64 `json:"cpu_share"`
}

var (
	duration = flag.Duration("duration", 5*time.Second, "how long to work")
	rate     = flag.Int("rate", 0, "units of work per second; 0: the program's own")
	base     = flag.Float64("base", 0.1, "share of a processor to compute with, beside the units")
	stdin    = flag.Bool("stdin", false, "end when stdin does")
	stopped  atomic.Bool
	ballast  []byte
)

// Ballast makes the heap so large that the collector hardly ever runs: no page of it is touched.
func Ballast(megabytes int) {
	ballast = make([]byte, megabytes<<20)
}

// Stopped tells whether the program is to end.
func Stopped() bool {
	return stopped.Load()
}

// Main does the units until the time is over and prints the truth.
func (p Program) Main() {
	flag.Parse()
	if *rate > 0 {
		p.Rate = *rate
	}
	if p.Workers == 0 {
		p.Workers = 1
	}
	if *stdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stopped.Store(true)
		}()
	}
	workers := make([]worker, p.Workers)
	began, cpu := time.Now(), cpuTime()
	var all sync.WaitGroup
	for index := range workers {
		all.Add(1)
		go func(index int) {
			defer all.Done()
			workers[index].work(&p, index, began)
		}(index)
	}
	time.Sleep(warmUp)
	fmt.Println("READY")
	all.Wait()
	p.print(workers, time.Since(began), cpuTime()-cpu)
}

type worker struct {
	calls     uint64
	computed  uint64
	latencies [kept]int64
}

func (w *worker) work(p *Program, index int, began time.Time) {
	perSecond := float64(p.Rate) / float64(p.Workers)
	most := 1 + int(perSecond*behind.Seconds())
	share := *base / float64(p.Workers)
	due, last := 0, time.Duration(0)
	for done := 0; !stopped.Load(); {
		elapsed := time.Since(began)
		w.compute(time.Duration(share * float64(elapsed-last)))
		last = elapsed
		if elapsed > *duration {
			return
		}
		due = int(perSecond * elapsed.Seconds())
		if due-done > most {
			done = due - most
		}
		for ; done < due && !stopped.Load() && time.Since(began) < *duration; done++ {
			w.once(p, index)
		}
		next := time.Duration(float64(due+1)/perSecond*float64(time.Second)) - elapsed
		if next < time.Millisecond {
			next = time.Millisecond
		} else if next > 50*time.Millisecond {
			next = 50 * time.Millisecond
		}
		time.Sleep(next)
	}
}

// compute uses the processor for about as long, for nothing but arithmetic.
func (w *worker) compute(length time.Duration) {
	for began := time.Now(); time.Since(began) < length; {
		for i := 0; i < 1<<9; i++ {
			w.computed = w.computed*6364136223846793005 + 1442695040888963407
		}
	}
}

func (w *worker) once(p *Program, index int) {
	began := time.Now()
	p.Unit(index, int(w.calls))
	w.latencies[w.calls%kept] = int64(time.Since(began))
	w.calls++
}

func (p *Program) print(workers []worker, elapsed time.Duration, cpu int64) {
	truth := Truth{
		Program: filepath.Base(os.Args[0]), Go: runtime.Version(), Elapsed: int64(elapsed), CPU: cpu,
		CPUShare: float64(cpu) / float64(elapsed),
	}
	var latencies []int64
	for index := range workers {
		w := &workers[index]
		truth.Calls += w.calls
		if w.calls < kept {
			latencies = append(latencies, w.latencies[:w.calls]...)
		} else {
			latencies = append(latencies, w.latencies[:]...)
		}
	}
	truth.Bytes = truth.Calls * uint64(p.Bytes)
	truth.Rate = float64(truth.Calls) / elapsed.Seconds()
	if n := len(latencies); n > 0 {
		sort.Slice(latencies, func(i, j int) bool { return latencies[i] < latencies[j] })
		truth.P50, truth.P99 = latencies[(n*50+99)/100-1], latencies[(n*99+99)/100-1]
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(truth); err != nil {
		Fail("%v", err)
	}
	runtime.KeepAlive(ballast)
}

// Fail ends the program: its truth is not to be trusted.
func Fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// cpuTime returns the nanoseconds that all threads have used, in the program and in the kernel.
func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		Fail("getrusage: %v", err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// Pause waits for two milliseconds, as for somebody else's answer.
func Pause() {
	time.Sleep(2 * time.Millisecond)
}
