package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// passOn sends numbers through a chain of goroutines and checks the sum.
func passOn() (int, error) {
	const links, values = 8, 500
	first := make(chan int)
	last := first
	for i := 0; i < links; i++ {
		in, out := last, make(chan int, i%3)
		go func() {
			for value := range in {
				out <- value + 1
			}
			close(out)
		}()
		last = out
	}
	go func() {
		for i := 0; i < values; i++ {
			first <- i
		}
		close(first)
	}()
	sum := 0
	for value := range last {
		sum += value
	}
	if want := values*(values-1)/2 + values*links; sum != want {
		return 0, fmt.Errorf("%d arrived instead of %d", sum, want)
	}
	return values, nil
}

// sendOnClosed has sends panic: at once, and while they wait.
func sendOnClosed() (int, error) {
	const senders = 20
	c := make(chan int)
	var recovered, started sync.WaitGroup
	recovered.Add(senders)
	started.Add(senders)
	var mu sync.Mutex
	panics := 0
	for i := 0; i < senders; i++ {
		go func() {
			defer recovered.Done()
			defer func() {
				if recover() != nil {
					mu.Lock()
					panics++
					mu.Unlock()
				}
			}()
			started.Done()
			c <- 1
		}()
	}
	started.Wait()
	close(c)
	recovered.Wait()
	if panics != senders {
		return 0, fmt.Errorf("%d of %d sends panicked", panics, senders)
	}
	return panics, nil
}

// exitGoroutines ends many goroutines in the midst of deferred sends, so that their descriptors are reused.
func exitGoroutines() (int, error) {
	const n = 200
	ended := make(chan int, n)
	for i := 0; i < n; i++ {
		i := i
		go func() {
			defer func() { ended <- i }()
			if i%2 == 0 {
				runtime.Goexit()
			}
			defer func() { _ = recover() }()
			panic("odd")
		}()
	}
	sum := 0
	for i := 0; i < n; i++ {
		sum += <-ended
	}
	if sum != n*(n-1)/2 {
		return 0, fmt.Errorf("ends sum up to %d", sum)
	}
	return n, nil
}

// fireTimers counts what timers start.
func fireTimers() (int, error) {
	const n = 50
	var fired sync.WaitGroup
	fired.Add(n)
	for i := 0; i < n; i++ {
		time.AfterFunc(time.Duration(i%5)*time.Millisecond, fired.Done)
	}
	select {
	case <-time.After(time.Minute):
		return 0, errors.New("a timer of a minute was faster")
	case <-time.After(time.Millisecond):
	}
	fired.Wait()
	return n, nil
}

// stopWorld reads what can only be read while everything stands still.
func stopWorld() (int, error) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	if stats.Mallocs < stats.Frees {
		return 0, fmt.Errorf("%d allocated, %d freed", stats.Mallocs, stats.Frees)
	}
	buffer := make([]byte, 16<<10)
	if runtime.Stack(buffer, true) == 0 {
		return 0, errors.New("no stacks")
	}
	time.Sleep(time.Millisecond)
	return 1, nil
}
