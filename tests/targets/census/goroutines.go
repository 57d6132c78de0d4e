package main

import (
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

var (
	never   = make(chan struct{})
	full    = make(chan int)
	mutex   sync.Mutex
	group   sync.WaitGroup
	idle    = sync.NewCond(new(sync.Mutex))
	noPeer  net
	ignored []byte
)

// Descriptors whose other ends stay open.
type net struct {
	polled *os.File
	raw    int
}

// Starts known numbers of goroutines, each kind in a function of its own.
func populate() {
	mutex.Lock()
	group.Add(1)
	noPeer = open()
	start(7, receives)
	start(5, sends)
	start(4, selects)
	start(3, locks)
	start(2, waitsForGroup)
	start(2, waitsForCondition)
	start(3, sleeps)
	start(1, reads)
	start(1, readsRaw)
	start(2, isLockedToThread)
	start(1, recurses)
}

func start(n int, f func()) {
	for i := 0; i < n; i++ {
		go f()
	}
}

//go:noinline
func receives() { <-never }

//go:noinline
func sends() { full <- 1 }

//go:noinline
func selects() {
	select {
	case <-never:
	case full <- 2:
	}
}

//go:noinline
func locks() { mutex.Lock() }

//go:noinline
func waitsForGroup() { group.Wait() }

//go:noinline
func waitsForCondition() {
	idle.L.Lock()
	idle.Wait()
}

//go:noinline
func sleeps() { time.Sleep(time.Hour) }

// Waits in the network poller.
//
//go:noinline
func reads() { _, _ = io.ReadFull(noPeer.polled, make([]byte, 1)) }

// Blocks its thread in a system call.
//
//go:noinline
func readsRaw() { _, _ = syscall.Read(noPeer.raw, make([]byte, 1)) }

//go:noinline
func isLockedToThread() {
	runtime.LockOSThread()
	<-never
}

//go:noinline
func recurses() { deeper(40) }

//go:noinline
func deeper(n int) {
	var local [128]byte
	if n == 0 {
		<-never
	} else {
		deeper(n - 1)
	}
	ignored = append(ignored, local[n])
}

//go:noinline
func inCrowd(i int) {
	if i%2 == 0 {
		<-never
		return
	}
	select {
	case <-never:
	case full <- i:
	}
}

func open() net {
	polled, _, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	var raw [2]int
	if err := syscall.Pipe(raw[:]); err != nil {
		panic(err)
	}
	return net{polled: polled, raw: raw[0]}
}
