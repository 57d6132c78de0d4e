// Command alike locks a goroutine to its thread because the thread has a directory of its own, which only the system
// calls of this thread see.
package main

import (
	"os"
	"runtime"
	"syscall"

	"example.com/exercises/run"
)

type jail struct {
	requests chan string
	sizes    chan int64
}

// serve never unlocks: the thread ends with the goroutine.
func (j *jail) serve(ready chan<- error) {
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_FS); err != nil {
		ready <- err
		return
	}
	ready <- syscall.Chdir("/proc/self")
	for name := range j.requests {
		var stat syscall.Stat_t
		if err := syscall.Stat(name, &stat); err != nil {
			run.Fail("stat: %v", os.NewSyscallError(name, err))
		}
		j.sizes <- stat.Size
	}
}

func main() {
	j := &jail{requests: make(chan string), sizes: make(chan int64)}
	ready := make(chan error)
	go j.serve(ready)
	if err := <-ready; err != nil {
		run.Fail("unshare: %v", err)
	}
	run.Ballast(64)
	run.Program{Rate: 50, Unit: func(_, _ int) {
		j.requests <- "status"
		<-j.sizes
	}}.Main()
}
