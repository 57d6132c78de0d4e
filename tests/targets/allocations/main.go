// Allocations allocates at four lines, each with sizes of its own, and says how many bytes each has asked for
// whenever it is asked. The sizes are size classes: what the program's memory profile counts is what was asked for.
//
// After READY every line on stdin is answered by one line of JSON: nanoseconds since the start, and bytes by
// function; after "profile" by the bytes of the program's own memory profile, scaled, by function. The end of stdin
// ends the program.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

type node struct {
	next *node
	rest [7]uintptr
}

var (
	pause = flag.Duration("pause", 0, "time between two rounds; 0: none")
	rate  = flag.Int("rate", 0, "runtime.MemProfileRate; 0: as Go sets it")

	classes = [...]int{256, 512, 1024, 2048, 8192}
	names   = [...]string{"main.small", "main.structure", "main.buffer", "main.mixed"}
	asked   [len(names)]atomic.Uint64

	words  *[3]uintptr
	nodes  *node
	bytes  []byte
	others []byte
)

func main() {
	flag.Parse()
	if *rate > 0 {
		runtime.MemProfileRate = *rate
	}
	start := time.Now()
	go work()
	fmt.Println("READY")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		sums := own()
		if strings.TrimSpace(in.Text()) == "profile" {
			sums = profiled()
		}
		_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
			"elapsed_ns": time.Since(start).Nanoseconds(),
			"bytes":      sums,
		})
	}
}

func work() {
	for round := 0; ; round++ {
		for i := 0; i < 8; i++ {
			small()
		}
		structure()
		structure()
		if round%4 == 0 {
			buffer()
		}
		mixed(classes[round%len(classes)])
		if *pause > 0 && round%16 == 0 {
			time.Sleep(*pause * 16)
		}
	}
}

//go:noinline
func small() {
	words = new([3]uintptr)
	asked[0].Add(24)
}

//go:noinline
func structure() {
	nodes = &node{}
	asked[1].Add(64)
}

//go:noinline
func buffer() {
	bytes = make([]byte, 4096)
	asked[2].Add(4096)
}

//go:noinline
func mixed(size int) {
	others = make([]byte, size)
	asked[3].Add(uint64(size))
}

func own() map[string]uint64 {
	sums := map[string]uint64{}
	for i, name := range names {
		sums[name] = asked[i].Load()
	}
	return sums
}

// profiled is what runtime/pprof would say.
func profiled() map[string]uint64 {
	records := make([]runtime.MemProfileRecord, 1<<12)
	n, ok := runtime.MemProfile(records, true)
	if !ok {
		panic("more records than expected")
	}
	sums := map[string]uint64{}
	for _, record := range records[:n] {
		if record.AllocObjects == 0 {
			continue
		}
		frames := runtime.CallersFrames(record.Stack())
		size := float64(record.AllocBytes) / float64(record.AllocObjects)
		scale := 1.0
		if runtime.MemProfileRate > 1 {
			scale = 1 / (1 - math.Exp(-size/float64(runtime.MemProfileRate)))
		}
		for {
			frame, more := frames.Next()
			for _, name := range names {
				if frame.Function == name {
					sums[name] += uint64(float64(record.AllocBytes) * scale)
				}
			}
			if !more {
				break
			}
		}
	}
	return sums
}
