package main

import (
	"runtime"

	"example.com/truth/hub"
)

// Each operation stops the world once under its own line. A collection stops it a second time, for the mark
// termination, on a worker of the runtime's own.
var stwGroup = &group{name: "stw", ops: []*op{
	{site: "stw.stack", run: stopForStacks, every: 100},
	{site: "stw.gomaxprocs", run: stopForProcs, every: 100},
	{site: "stw.gc", run: func() { alone(stopForCollection) }, every: 1000},
	{site: "stw.closure", run: newStoppingClosure(make([]byte, 64<<10)), every: 100},
	{site: "stw.inlined", into: "main.inlinedStop", run: inlinedStop, every: 100},
}}

var memstatsGroup = &group{name: "memstats", ops: []*op{
	{site: "memstats.function", run: readFunction, every: 10},
	{site: "memstats.pointer-method", run: (&reader{}).read, every: 10},
	{site: "memstats.closure", run: newReadingClosure(), every: 10},
	{site: "memstats.inlined", into: "main.readLeft", run: readLeft, every: 10},
	{site: "memstats.inlined", into: "main.readRight", run: readRight, every: 10},
	{site: "memstats.package", run: func() { hub.ReadStats(&stats) }, every: 10},
	{site: "memstats.deferred", run: readDeferred, every: 10},
}}

var (
	stacks = make([]byte, 64<<10)
	stats  runtime.MemStats

	basicProcs = runtime.GOMAXPROCS(0)
)

//go:noinline
func stopForStacks() {
	runtime.Stack(stacks, true) // site: stw.stack main.stopForStacks
}

// stopForProcs alternates between two numbers, because asking for the present one stops nothing.
//
//go:noinline
func stopForProcs() {
	next := basicProcs
	if runtime.GOMAXPROCS(0) == basicProcs {
		next++
	}
	runtime.GOMAXPROCS(next) // site: stw.gomaxprocs main.stopForProcs
}

//go:noinline
func stopForCollection() {
	runtime.GC() // site: stw.gc main.stopForCollection
}

//go:noinline
func newStoppingClosure(buffer []byte) func() {
	return func() {
		runtime.Stack(buffer, true) // site: stw.closure main.newStoppingClosure.func1
	}
}

func stopInline(buffer []byte) {
	runtime.Stack(buffer, true) // site: stw.inlined main.stopInline into main.inlinedStop
}

//go:noinline
func inlinedStop() { stopInline(stacks) }

//go:noinline
func readFunction() {
	runtime.ReadMemStats(&stats) // site: memstats.function main.readFunction
}

type reader struct{ stats runtime.MemStats }

//go:noinline
func (r *reader) read() {
	runtime.ReadMemStats(&r.stats) // site: memstats.pointer-method main.(*reader).read
}

//go:noinline
func newReadingClosure() func() {
	var own runtime.MemStats
	return func() {
		runtime.ReadMemStats(&own) // site: memstats.closure main.newReadingClosure.func1
	}
}

func readInline() {
	runtime.ReadMemStats(&stats) // site: memstats.inlined main.readInline into main.readLeft main.readRight
}

//go:noinline
func readLeft() { readInline() }

//go:noinline
func readRight() { readInline() }

//go:noinline
func readDeferred() { defer deferredRead() }

//go:noinline
func deferredRead() {
	runtime.ReadMemStats(&stats) // site: memstats.deferred main.deferredRead
}
