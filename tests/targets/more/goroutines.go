package main

import (
	"runtime"
	"sync"
	"time"
)

var goroutineOps = []*op{
	{site: "run.short", run: runShort, unnoted: true},
	{site: "run.parking", run: runParking, noted: true},
	{site: "thread.lock", run: lockThread},
	{site: "gosched.function", run: yield},
	{site: "gosched.inlined", into: "main.yieldLeft", run: yieldLeft},
	{site: "growth.call", run: grow},
	{site: "defer.loop", run: deferInLoop},
}

//go:noinline
func runShort() {
	var done sync.WaitGroup
	done.Add(1)
	go done.Done() // site: run.short main.runShort
	done.Wait()
}

//go:noinline
func runParking() {
	done := make(chan int)
	go func() { // site: run.parking main.runParking
		time.Sleep(time.Microsecond)
		done <- 1
	}()
	<-done
}

//go:noinline
func lockThread() {
	runtime.LockOSThread() // site: thread.lock main.lockThread
	runtime.UnlockOSThread()
}

//go:noinline
func yield() {
	runtime.Gosched() // site: gosched.function main.yield
}

func yieldInlined() {
	runtime.Gosched() // site: gosched.inlined main.yieldInlined into main.yieldLeft
}

//go:noinline
func yieldLeft() { yieldInlined() }

// grow calls a function whose frame does not fit on a stack that is new.
func grow() {
	var done sync.WaitGroup
	done.Add(1)
	go callDeep(&done)
	done.Wait()
}

//go:noinline
func callDeep(done *sync.WaitGroup) {
	deep(1) // site: growth.call main.callDeep
	done.Done()
}

//go:noinline
func deep(n int) byte {
	var frame [1 << 16]byte
	frame[n*7] = byte(n)
	return frame[n]
}

//go:noinline
func deferInLoop() {
	for i := 0; i < 1; i++ {
		defer nop() // site: defer.loop main.deferInLoop
	}
}

//go:noinline
func nop() {}
