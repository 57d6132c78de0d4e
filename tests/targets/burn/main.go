// Burn spends CPU time in known functions, in parts that vary, and measures each part by the clock of the
// only thread that does it.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"
)

var (
	cpu  = flag.Duration("cpu", 6*time.Second, "CPU time to spend")
	wait = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

// part is a function to spend time in. Units of different parts cost about the same.
type part struct {
	Function string `json:"function"`
	// Innermost is where its instructions are; the same as Function where it calls nothing.
	Innermost string `json:"innermost"`
	CPUNs     int64  `json:"cpu_ns"`
	weight    int
	units     int
	run       func(int)
}

func main() {
	flag.Parse()
	runtime.LockOSThread()
	m := new(mill)
	parts := []*part{
		{Function: "main.press", Innermost: "main.fold", weight: 5, units: 300_000, run: press},
		{Function: "main.turn", Innermost: "main.leaf", weight: 4, units: 200_000, run: turn},
		{Function: "main.(*mill).grind", Innermost: "main.(*mill).grind", weight: 3, units: 300_000, run: m.grind},
		{Function: "main.roller.func1", Innermost: "main.roller.func1", weight: 2, units: 200_000, run: roller(7)},
		{Function: "main.haul", Innermost: "runtime.memmove", weight: 4, units: 400, run: haul},
	}
	fmt.Println("READY")
	stdin := bufio.NewReader(os.Stdin)
	if *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	// Rounds of equal length could march in step with whoever samples them.
	random := uint64(88172645463325252)
	for began := threadTime(); threadTime()-began < int64(*cpu); {
		for _, part := range parts {
			random ^= random << 13
			random ^= random >> 7
			random ^= random << 17
			before := threadTime()
			part.run(part.units * part.weight * int(1+random%7) / 8)
			part.CPUNs += threadTime() - before
		}
	}
	truth := map[string]any{"parts": parts, "cpu_ns": processTime()}
	if err := json.NewEncoder(os.Stdout).Encode(truth); err != nil {
		os.Exit(1)
	}
	for *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			return
		}
	}
}

// Clocks of clock_gettime(2).
const (
	processCPU = 2
	threadCPU  = 3
)

func threadTime() int64  { return clock(threadCPU) }
func processTime() int64 { return clock(processCPU) }

func clock(id uintptr) int64 {
	var now syscall.Timespec
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		panic(errno)
	}
	return now.Nano()
}
