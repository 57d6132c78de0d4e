// Command before leaves it to the collector to close what it opens.
package main

import (
	"runtime"
	"syscall"

	"example.com/exercises/run"
)

// handle is a file descriptor.
type handle struct{ fd int }

func open(path string) *handle {
	fd, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		run.Fail("open: %v", err)
	}
	h := &handle{fd: fd}
	runtime.SetFinalizer(h, (*handle).close) // finding: main.open
	return h
}

func (h *handle) close() {
	if err := syscall.Close(h.fd); err != nil {
		run.Fail("close: %v", err)
	}
}

func (h *handle) read() int {
	var buf [16]byte
	n, err := syscall.Read(h.fd, buf[:])
	if err != nil {
		run.Fail("read: %v", err)
	}
	runtime.KeepAlive(h)
	return n
}

func main() {
	run.Program{Rate: 40, Unit: func(_, _ int) { open("/proc/self/stat").read() }}.Main()
}
