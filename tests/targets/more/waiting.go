package main

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

var waitingOps = []*op{
	{site: "recv.buffered", run: receiveBuffered, unnoted: true, what: "blocking"},
	{site: "recv.empty", run: receiveEmpty, noted: true, what: "non-blocking"},
	{site: "recv.inlined", into: "main.pollLeft", run: pollLeft, noted: true},
	{site: "recv.inlined", into: "main.pollRight", run: pollRight, noted: true},
	{site: "recv.polled", run: receivePolled, unnoted: true, what: "non-blocking"},
	{site: "recv.closed", run: receiveClosed, unnoted: true, what: "blocking"},
	{site: "recv.zero", run: receiveZero, unnoted: true, what: "blocking"},
	{site: "recv.closed-polled", run: receiveClosedPolled, unnoted: true, what: "non-blocking"},
	{site: "select.ready", run: selectReady, unnoted: true, what: "blocking"},
	{site: "select.default", run: selectDefault, noted: true, what: "non-blocking"},
	{site: "mutex.write", run: waitForMutex},
	{site: "mutex.read", run: waitForWriter},
	{site: "park.sleep", run: sleep, what: "sleep"},
	{site: "park.receive", run: receiveBlocked, what: "chan receive", every: 20},
	{site: "send.constant", run: sendConstant, what: "8 bytes, constant"},
	{site: "send.nothing", run: sendNothing, what: "0 bytes, constant"},
	{site: "send.stack", run: func() { sendValue(time.Now().Unix()) }, what: "8 bytes, on the stack"},
}

var (
	buffered = make(chan int, 1)
	nothing  = make(chan int)
	closed   = newClosed()
	intSink  int
	tokens   = make(chan struct{}, 1)
	numbers  = make(chan int64, 1)
)

//go:noinline
func receiveBuffered() {
	buffered <- 1
	<-buffered // site: recv.buffered main.receiveBuffered
}

//go:noinline
func receiveEmpty() {
	select {
	case <-nothing: // site: recv.empty main.receiveEmpty
	default:
	}
}

func newClosed() chan int {
	c := make(chan int)
	close(c)
	return c
}

//go:noinline
func receivePolled() {
	buffered <- 1
	select {
	case <-buffered: // site: recv.polled main.receivePolled
	default:
	}
}

//go:noinline
func receiveClosed() {
	<-closed // site: recv.closed main.receiveClosed
}

//go:noinline
func receiveZero() {
	intSink = <-closed // site: recv.zero main.receiveZero
}

//go:noinline
func receiveClosedPolled() {
	select {
	case intSink = <-closed: // site: recv.closed-polled main.receiveClosedPolled
	default:
	}
}

func poll(c chan int) bool {
	select {
	case <-c: // site: recv.inlined main.poll into main.pollLeft main.pollRight
		return true
	default:
		return false
	}
}

//go:noinline
func pollLeft() { poll(nothing) }

//go:noinline
func pollRight() { poll(nothing) }

//go:noinline
func selectReady() {
	buffered <- 1
	select { // site: select.ready main.selectReady
	case <-buffered:
	case <-nothing:
	}
}

//go:noinline
func selectDefault() {
	select { // site: select.default main.selectDefault
	case <-nothing:
	case nothing <- 1:
	default:
	}
}

// waitForMutex lets one goroutine wait for a locked mutex: it unlocks when the waiter is counted in the mutex, which
// is just before it calls the runtime (sync.Mutex.state, waiters from the fourth bit).
func waitForMutex() {
	var mu sync.Mutex
	mu.Lock()
	var done sync.WaitGroup
	done.Add(1)
	go lockAndUnlock(&mu, &done)
	for atomic.LoadInt32((*int32)(unsafe.Pointer(&mu)))>>3 == 0 {
		runtime.Gosched()
	}
	mu.Unlock()
	done.Wait()
}

//go:noinline
func lockAndUnlock(mu *sync.Mutex, done *sync.WaitGroup) {
	mu.Lock() // site: mutex.write main.lockAndUnlock
	mu.Unlock()
	done.Done()
}

// waitForWriter does the same with a reader: sync.RWMutex.readerCount is the fifth word of 32 bits, and negative while
// a writer has the lock.
func waitForWriter() {
	var mu sync.RWMutex
	mu.Lock()
	count := (*int32)(unsafe.Add(unsafe.Pointer(&mu), 16))
	locked := atomic.LoadInt32(count)
	var done sync.WaitGroup
	done.Add(1)
	go readLocked(&mu, &done)
	for atomic.LoadInt32(count) == locked {
		runtime.Gosched()
	}
	mu.Unlock()
	done.Wait()
}

//go:noinline
func readLocked(mu *sync.RWMutex, done *sync.WaitGroup) {
	mu.RLock() // site: mutex.read main.readLocked
	mu.RUnlock()
	done.Done()
}

//go:noinline
func sleep() {
	time.Sleep(time.Microsecond) // site: park.sleep main.sleep
}

// receiveBlocked sends when the receiver's own traceback says that it waits.
func receiveBlocked() {
	done := make(chan int)
	go blockedReceive(done)
	for !isWaiting("main.blockedReceive", "chan receive") {
		runtime.Gosched()
	}
	nothing <- 1
	<-done
}

//go:noinline
func blockedReceive(done chan int) {
	<-nothing // site: park.receive main.blockedReceive
	done <- 1
}

func isWaiting(function, reason string) bool {
	buffer := make([]byte, 1<<20)
	text := string(buffer[:runtime.Stack(buffer, true)])
	for _, goroutine := range strings.Split(text, "\n\n") {
		if strings.Contains(goroutine, function) && strings.Contains(goroutine, "["+reason) {
			return true
		}
	}
	return false
}

//go:noinline
func sendConstant() {
	buffered <- 1 // site: send.constant main.sendConstant
	<-buffered
}

//go:noinline
func sendNothing() {
	tokens <- struct{}{} // site: send.nothing main.sendNothing
	<-tokens
}

//go:noinline
func sendValue(value int64) {
	numbers <- value // site: send.stack main.sendValue
	<-numbers
}
