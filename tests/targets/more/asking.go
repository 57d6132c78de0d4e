package main

import (
	"reflect"
	"runtime"
)

var askingOps = []*op{
	{site: "stack.own", run: dumpOwn, what: "own goroutine"},
	{site: "stack.all", run: dumpAll, what: "all goroutines", every: 20},
	{site: "caller.one", run: caller},
	{site: "caller.many", run: callers},
	{site: "count.call", run: func() { sink = countGoroutines() }},
	{site: "count.inlined", into: "main.countLeft", run: func() { sink = countLeft() }},
	{site: "count.inlined", into: "main.countRight", run: func() { sink = countRight() }},
	{site: "count.value", run: func() { sink = countByValue() }},
	{site: "procs.read", run: readProcs, what: "read"},
	{site: "procs.set", run: setProcs, what: "set", every: 50},
	{site: "field.name", run: fieldByName},
	{site: "map.value", run: func() { sink = readMap(3) }, what: "elements of 368 bytes"},
	{site: "map.found", run: func() { sink = findInMap(3) }, what: "elements of 368 bytes"},
	{site: "map.huge", run: func() { sink = readHuge(3) }, what: "elements of 2048 bytes"},
}

var (
	buffer [1 << 16]byte
	sink   int
)

//go:noinline
func dumpOwn() {
	runtime.Stack(buffer[:], false) // site: stack.own main.dumpOwn
}

//go:noinline
func dumpAll() {
	runtime.Stack(buffer[:], true) // site: stack.all main.dumpAll
}

//go:noinline
func caller() {
	runtime.Caller(0) // site: caller.one main.caller
}

//go:noinline
func callers() {
	var pcs [4]uintptr
	runtime.Callers(0, pcs[:]) // site: caller.many main.callers
}

//go:noinline
func countGoroutines() int {
	return runtime.NumGoroutine() // site: count.call main.countGoroutines
}

var counter = runtime.NumGoroutine

//go:noinline
func countByValue() int {
	return counter() // site: count.value main.countByValue
}

func busy() bool {
	return runtime.NumGoroutine() > 1000 // site: count.inlined main.busy into main.countLeft main.countRight
}

//go:noinline
func countLeft() int {
	if busy() {
		return 1
	}
	return len(buffer[:sink%2])
}

//go:noinline
func countRight() int {
	for busy() {
		runtime.KeepAlive(&buffer)
	}
	return 2
}

//go:noinline
func readProcs() {
	runtime.GOMAXPROCS(0) // site: procs.read main.readProcs
}

//go:noinline
func setProcs() {
	runtime.GOMAXPROCS(3) // site: procs.set main.setProcs
}

//go:noinline
func fieldByName() {
	reflect.ValueOf(&record).Elem().FieldByName("Name") // site: field.name main.fieldByName
}

var record struct {
	Value int
	Name  string
}

type big struct {
	id   int
	data [45]int
}

type huge struct{ data [256]int }

var (
	bigs  = map[string]big{"a": {id: 1}}
	huges = map[int]huge{3: {}}
	plain = map[int]big{3: {id: 2}}
)

//go:noinline
func readMap(key int) int {
	return plain[key].id // site: map.value main.readMap
}

//go:noinline
func findInMap(key int) int {
	value, ok := plain[key] // site: map.found main.findInMap
	if ok {
		return value.data[key]
	}
	return 0
}

//go:noinline
func readHuge(key int) int {
	value := huges[key] // site: map.huge main.readHuge
	return value.data[key]
}
