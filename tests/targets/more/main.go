// More makes exactly known numbers of the runtime operations that slow paths and rare calls are made of, and prints
// them as JSON.
//
// Every call site is one source line with a marker comment, see package mark.
package main

import (
	"bufio"
	"embed"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"example.com/mark"
)

//go:embed *.go
var sources embed.FS

// op is one way to reach one call site; run makes exactly one operation there.
type op struct {
	site string
	// into names the caller whose copy of an inlined site this is.
	into string
	run  func()
	// every lets the operation run in each every-th round only, for those that are slow.
	every int
	// noted tells that each operation meets its probe's condition, and unnoted that none does.
	noted, unnoted bool
	// what is the detail that the report names.
	what string

	count uint64
}

var (
	n    = flag.Int("n", 200, "rounds; each round makes one operation per call site")
	wait = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

func main() {
	flag.Parse()
	// A collection would stop the world under whichever line happened to trigger it.
	debug.SetGCPercent(-1)
	runtime.SetBlockProfileRate(1)
	fmt.Println("READY")
	stdin := bufio.NewReader(os.Stdin)
	if *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	ops := append(append(append(waitingOps, goroutineOps...), memoryOps...), askingOps...)
	ops = append(append(ops, versionOps...), timerOps...)
	began := time.Now()
	for round := 0; round < *n; round++ {
		for _, op := range ops {
			if op.every > 1 && round%op.every != 0 {
				continue
			}
			op.run()
			op.count++
		}
	}
	report(ops, time.Since(began))
	if *wait {
		for {
			if _, err := stdin.ReadString('\n'); err != nil {
				return
			}
		}
	}
}

func report(ops []*op, elapsed time.Duration) {
	_, file, _, _ := runtime.Caller(0)
	marks := mark.Marks{}
	marks.Read(sources, file)
	var truths []mark.Truth
	for _, op := range ops {
		for _, truth := range marks.Truths(op.site, op.into, op.count, op.count) {
			if op.noted || op.unnoted {
				noted := uint64(0)
				if op.noted {
					noted = op.count
				}
				truth.Noted = &noted
			}
			if op.what != "" {
				what := op.what
				truth.What = &what
			}
			truths = append(truths, truth)
		}
	}
	mark.Print(elapsed.Nanoseconds(), truths)
}
