package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// startProfilingSignals has the kernel send SIGPROF at Go's profiling rate.
func startProfilingSignals() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(null)
}

var received = make(chan os.Signal, 64)

func init() { signal.Notify(received, syscall.SIGUSR1) }

// signalSelf sends a signal to this process and waits for it, with preemption signals in between.
func signalSelf() (int, error) {
	const n = 20
	for i := 0; i < n; i++ {
		if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
			return 0, err
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGURG); err != nil {
			return 0, err
		}
		select {
		case <-received:
		case <-time.After(30 * time.Second):
			return 0, fmt.Errorf("signal %d of %d did not arrive", i, n)
		}
	}
	return n, nil
}

// forkAndExec starts a program, which inherits nothing that could disturb it.
func forkAndExec() (int, error) {
	if err := exec.Command("/bin/true").Run(); err != nil {
		return 0, err
	}
	time.Sleep(5 * time.Millisecond)
	return 1, nil
}

// lockThreads has goroutines own threads, and end with them.
func lockThreads() (int, error) {
	const n = 4
	ids := make(chan int, n)
	hold := make(chan struct{})
	for i := 0; i < n; i++ {
		go func() {
			runtime.LockOSThread()
			ids <- syscall.Gettid()
			// Without an unlock the thread ends with the goroutine.
			<-hold
		}()
	}
	different := map[int]bool{}
	for i := 0; i < n; i++ {
		different[<-ids] = true
	}
	close(hold)
	if len(different) != n {
		return 0, fmt.Errorf("%d goroutines on %d threads", n, len(different))
	}
	time.Sleep(time.Millisecond)
	return n, nil
}
