// Pacedcgo makes one operation at a known rate, and knows what each took.
//
// After READY an empty line on stdin is answered by "COUNT <time in nanoseconds since 1970> <operations>
// <nanoseconds of CPU time>", a line "FROM TO" with two times by "TOOK N SUM P50 P99" of the operations that ended in
// between, in nanoseconds. It ends with its stdin.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/took"
)

var (
	what    = flag.String("do", "call", "call (of C, which takes -takes), wait (a send whose receiver comes after -takes), send (to a channel with room)")
	takes   = flag.Duration("takes", 0, "what an operation takes")
	rate    = flag.Float64("rate", 1000, "operations per second")
	burst   = flag.Uint64("burst", 1, "operations in a row")
	between = flag.String("between", "sleep", "bursts: sleep, poll (the clock) or compute (as much as takes the time)")

	count atomic.Uint64
	log   took.Log
)

func main() {
	flag.Parse()
	operations := map[string]func(){"call": call, "wait": newWait(), "send": newSend()}
	operation := operations[*what]
	if operation == nil || *rate <= 0 || *burst == 0 {
		flag.Usage()
		os.Exit(2)
	}
	go pace(operation)
	fmt.Println("READY")
	for stdin := bufio.NewScanner(os.Stdin); stdin.Scan(); {
		if stdin.Text() == "" {
			fmt.Println("COUNT", time.Now().UnixNano(), count.Load(), cpuTime())
			continue
		}
		var from, to int64
		if _, err := fmt.Sscan(stdin.Text(), &from, &to); err != nil {
			fmt.Fprintln(os.Stderr, "pacedcgo:", err)
			os.Exit(1)
		}
		fmt.Println("TOOK", took.Between([]*took.Log{&log}, from, to))
	}
}

func pace(operation func()) {
	period := time.Duration(float64(*burst) / *rate * float64(time.Second))
	if *between == "compute" {
		for n := iterations(period); ; compute(n) {
			inARow(operation)
		}
	}
	// By a schedule: what takes long now and then is made up for, unless it is more than a second.
	for due := time.Now(); ; due = due.Add(period) {
		if late := time.Since(due); late > time.Second {
			due = due.Add(late)
		}
		if *between == "poll" {
			spinUntil(due)
		} else {
			time.Sleep(time.Until(due))
		}
		inARow(operation)
	}
}

func inARow(operation func()) {
	for i := uint64(0); i < *burst; i++ {
		operation()
		count.Add(1)
	}
}

func spinUntil(due time.Time) {
	for time.Now().Before(due) {
	}
}

var sum uint64

func compute(n int) {
	for i := 0; i < n; i++ {
		sum = sum*6364136223846793005 + 1442695040888963407
	}
}

// iterations returns how often compute has to go round to take so long.
func iterations(takes time.Duration) int {
	const n = 1 << 22
	best := time.Hour
	for i := 0; i < 5; i++ {
		began := time.Now()
		compute(n)
		best = min(best, time.Since(began))
	}
	return int(takes * n / best)
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
