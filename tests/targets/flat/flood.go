package main

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// chunk is how many operations a thread makes between two looks at the clock.
const chunk = 1 << 10

// flood keeps all threads busy, with the collector at work as in any program.
func flood(line, name string, run func(n int)) error {
	var threads, milliseconds int
	if _, err := fmt.Sscanf(line, "flood "+name+" %d %d", &threads, &milliseconds); err != nil {
		return err
	}
	runtime.GOMAXPROCS(threads)
	var n atomic.Uint64
	var running sync.WaitGroup
	cpu, began := cpuTime(), time.Now()
	end := began.Add(time.Duration(milliseconds) * time.Millisecond)
	for i := 0; i < threads; i++ {
		running.Add(1)
		go func() {
			defer running.Done()
			for time.Now().Before(end) {
				run(chunk)
				n.Add(chunk)
			}
		}()
	}
	running.Wait()
	cpu, elapsed := cpuTime()-cpu, time.Since(began)
	done(name, n.Load(), cpu, elapsed)
	return nil
}
