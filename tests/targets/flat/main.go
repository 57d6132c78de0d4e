// Flat makes one runtime operation at a time, as fast as it goes, for as long as it is told, and says what that took.
//
// It reads commands from stdin, one per line, and answers each with one line:
//
//	slice OP N   N operations on one thread: DONE OP N CPU_NS WALL_NS
//
// The collector is off while operations run, so that the time is that of the operations, and collects in between.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
	"unsafe"
)

// ops are the operations: each makes n of its kind.
var ops = map[string]func(n int){
	"call":  calls,
	"send":  sends,
	"spawn": spawns,
	"alloc": allocations,
	"large": largeAllocations,
}

func main() {
	stdin := bufio.NewReader(os.Stdin)
	fmt.Println("READY")
	for {
		line, err := stdin.ReadString('\n')
		if err != nil {
			return
		}
		if err := obey(line); err != nil {
			fmt.Fprintf(os.Stderr, "%q: %v\n", line, err)
			os.Exit(2)
		}
	}
}

func obey(line string) error {
	var command, name string
	if _, err := fmt.Sscan(line, &command, &name); err != nil {
		return err
	}
	run := ops[name]
	switch {
	case command != "slice":
		return fmt.Errorf("no such command")
	case run == nil:
		return fmt.Errorf("no such operation")
	}
	return slice(line, name, run)
}

func slice(line, name string, run func(n int)) error {
	var n int
	if _, err := fmt.Sscanf(line, "slice "+name+" %d", &n); err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	percent := debug.SetGCPercent(-1)
	run(n / 100)
	cpu, began := cpuTime(), time.Now()
	run(n)
	cpu, elapsed := cpuTime()-cpu, time.Since(began)
	done(name, uint64(n), cpu, elapsed)
	debug.SetGCPercent(percent)
	runtime.GC()
	return nil
}

func done(name string, n uint64, cpu int64, elapsed time.Duration) {
	fmt.Println("DONE", name, n, cpu, elapsed.Nanoseconds())
}

// cpuTime returns what all threads of the process have used, in nanoseconds; the kernel counts traps as the
// thread's own.
func cpuTime() int64 {
	const processCPU = 2 // CLOCK_PROCESS_CPUTIME_ID
	var now syscall.Timespec
	if _, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPU, uintptr(unsafe.Pointer(&now)), 0); errno != 0 {
		panic(errno)
	}
	return now.Nano()
}
