package main

import (
	"runtime"
	"runtime/debug"
	"sync"
)

var memoryOps = []*op{
	{site: "gc.forced", run: collect, every: 20},
	{site: "freeos.call", run: freeMemory, every: 50},
	{site: "finalizer.set", run: setFinalizer, what: "main.dropped"},
	{site: "finalizer.clear", run: clearFinalizer, what: "no function"},
	{site: "pool.miss", run: missPool},
}

type object struct {
	next  *object
	value [4]int
}

//go:noinline
func collect() {
	runtime.GC() // site: gc.forced main.collect
}

//go:noinline
func freeMemory() {
	debug.FreeOSMemory() // site: freeos.call main.freeMemory
}

func dropped(*object) {}

//go:noinline
func setFinalizer() {
	runtime.SetFinalizer(new(object), dropped) // site: finalizer.set main.setFinalizer
}

//go:noinline
func clearFinalizer() {
	runtime.SetFinalizer(new(object), nil) // site: finalizer.clear main.clearFinalizer
}

var pool = sync.Pool{New: func() any { return new(object) }}

//go:noinline
func missPool() {
	pool.Get() // site: pool.miss main.missPool
}
