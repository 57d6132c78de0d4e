package main

import (
	"reflect"
	"runtime"
	"strings"
	"unsafe"

	"example.com/truth/hub"
)

// Everything escapes to a variable of the package, so that the compiler can't keep it on the stack.
// The name says what the runtime is asked for: the bytes are those that the allocator is told.
var allocGroup = &group{name: "alloc", before: growMaps, ops: []*op{
	{site: "alloc.new-8", run: newWord, size: fixed(8), tiny: true},
	{site: "alloc.new-pointers-16", run: newPair, size: fixed(16)},
	{site: "alloc.new-24", run: newTriple, size: fixed(24)},
	{site: "alloc.new-pointers-80", run: newTen, size: fixed(80)},
	{site: "alloc.new-96", run: newTwelve, size: fixed(96)},
	{site: "alloc.new-1024", run: newKilo, size: fixed(1024)},
	{site: "alloc.new-pointers-4096", run: newPage, size: fixed(4096)},
	{site: "alloc.new-65536", run: newLarge, size: fixed(65536), every: 16},
	{site: "alloc.make-constant", run: makeConstant, size: fixed(300)},
	{site: "alloc.make-variable", run: makeVariable, size: func() uint64 { return uint64(len(bytesSink)) }},
	{site: "alloc.make-0", run: makeNothing, size: fixed(0)},
	{site: "alloc.make-pointers", run: makePointers, size: func() uint64 { return uint64(8 * len(pointersSink)) }},
	{site: "alloc.append", run: appendGrowth, size: func() uint64 { return appendedBytes }},
	{site: "alloc.concat", run: concat, size: func() uint64 { return uint64(len(stringSink)) }},
	{site: "alloc.bytes-of-string", run: bytesOfString, size: func() uint64 { return uint64(cap(bytesSink)) }},
	{site: "alloc.string-of-bytes", run: stringOfBytes, size: func() uint64 { return uint64(len(stringSink)) }},
	{site: "alloc.boxed-8", run: boxed, size: fixed(8), tiny: true},
	{site: "alloc.closure-16", run: newClosure, size: fixed(16)},
	{site: "alloc.reflect-64", run: reflected, size: fixed(64)},
	{site: "alloc.library", run: inLibrary},
	{site: "alloc.pointer-method", run: (&node{}).grow, size: fixed(nodeSize)},
	{site: "alloc.value-method", run: func() { node{}.copy() }, size: fixed(nodeSize)},
	{site: "alloc.interface", run: func() { someGrower.growAny() }, size: fixed(nodeSize)},
	{site: "alloc.in-closure", run: newAllocatingClosure(40), size: fixed(40)},
	{site: "alloc.generic", run: func() { newOf[[9]int64](&nineSink) }, size: fixed(72)},
	{site: "alloc.inlined", into: "main.nodeLeft", run: nodeLeft, size: fixed(nodeSize)},
	{site: "alloc.inlined", into: "main.nodeRight", run: nodeRight, size: fixed(nodeSize)},
	{site: "alloc.inlined-twice", into: "main.leafCaller", run: leafCaller, size: fixed(nodeSize)},
	{site: "alloc.package", run: hub.NewPage, size: fixed(200)},
	{site: "alloc.deferred", run: allocDeferred, size: fixed(nodeSize)},
	mapGrowth,
}}

type node struct {
	left, right *node
	value       [4]int64
}

const nodeSize = uint64(unsafe.Sizeof(node{}))

var (
	wordSink   *int64
	pairSink   *[2]*int64
	tripleSink *[3]int64
	tenSink    *[10]*int64
	twelveSink *[12]int64
	kiloSink   *[128]int64
	pageSink   *[512]*int64
	largeSink  *[8192]int64
	nineSink   *[9]int64
	bytesSink  []byte
	none       int
	intsSink   = startInts
	// appendedBytes is what the last growth asked for, rounded up to a size class before the allocator is called.
	appendedBytes uint64
	pointersSink  []*int64
	stringSink    string
	anySink       any
	closureSink   func() int
	valueSink     reflect.Value
	nodeSink      *node
	mapSink       map[int]int

	variable   = 100
	fiftyBytes = []byte(strings.Repeat("x", 50))
	fifty      = strings.Repeat("y", 50)
	startInts  = make([]int64, 2)
	// The pointer's type is in the binary; reflect would otherwise make one, once per collection.
	eightType = reflect.TypeOf((*[8]int64)(nil)).Elem()
)

func fixed(size uint64) func() uint64 { return func() uint64 { return size } }

//go:noinline
func newWord() {
	wordSink = new(int64) // site: alloc.new-8 main.newWord
}

//go:noinline
func newPair() {
	pairSink = new([2]*int64) // site: alloc.new-pointers-16 main.newPair
}

//go:noinline
func newTriple() {
	tripleSink = new([3]int64) // site: alloc.new-24 main.newTriple
}

//go:noinline
func newTen() {
	tenSink = new([10]*int64) // site: alloc.new-pointers-80 main.newTen
}

//go:noinline
func newTwelve() {
	twelveSink = new([12]int64) // site: alloc.new-96 main.newTwelve
}

//go:noinline
func newKilo() {
	kiloSink = new([128]int64) // site: alloc.new-1024 main.newKilo
}

//go:noinline
func newPage() {
	pageSink = new([512]*int64) // site: alloc.new-pointers-4096 main.newPage
}

//go:noinline
func newLarge() {
	largeSink = new([8192]int64) // site: alloc.new-65536 main.newLarge
}

//go:noinline
func makeConstant() {
	bytesSink = make([]byte, 300) // site: alloc.make-constant main.makeConstant
}

//go:noinline
func makeVariable() {
	variable = variable%1000 + 17
	bytesSink = make([]byte, variable) // site: alloc.make-variable main.makeVariable
}

//go:noinline
func makeNothing() {
	bytesSink = make([]byte, none) // site: alloc.make-0 main.makeNothing
}

//go:noinline
func makePointers() {
	pointersSink = make([]*int64, 1+variable%50) // site: alloc.make-pointers main.makePointers
}

//go:noinline
func appendGrowth() {
	intsSink = append(intsSink[:cap(intsSink):cap(intsSink)], 1) // site: alloc.append main.appendGrowth
	appendedBytes = uint64(8 * cap(intsSink))
	if cap(intsSink) > 2000 {
		intsSink = startInts
	}
}

//go:noinline
func concat() {
	stringSink = fifty + fifty[:1+variable%40] // site: alloc.concat main.concat
}

//go:noinline
func bytesOfString() {
	bytesSink = []byte(fifty) // site: alloc.bytes-of-string main.bytesOfString
}

//go:noinline
func stringOfBytes() {
	stringSink = string(fiftyBytes) // site: alloc.string-of-bytes main.stringOfBytes
}

//go:noinline
func boxed() {
	anySink = 1000 + variable // site: alloc.boxed-8 main.boxed
}

//go:noinline
func newClosure() {
	captured := variable
	closureSink = func() int { return captured } // site: alloc.closure-16 main.newClosure
}

//go:noinline
func reflected() {
	valueSink = reflect.New(eightType) // site: alloc.reflect-64 main.reflected
}

//go:noinline
func inLibrary() {
	stringSink = strings.Repeat(fifty, 3) // site: alloc.library main.inLibrary
}

//go:noinline
func (n *node) grow() {
	n.left = new(node) // site: alloc.pointer-method main.(*node).grow
}

//go:noinline
func (n node) copy() {
	nodeSink = &node{value: n.value} // site: alloc.value-method main.node.copy
}

type grower interface{ growAny() }

type nodeGrower struct{ last *node }

var someGrower grower = &nodeGrower{}

//go:noinline
func (g *nodeGrower) growAny() {
	g.last = new(node) // site: alloc.interface main.(*nodeGrower).growAny
}

//go:noinline
func newAllocatingClosure(size int) func() {
	return func() {
		bytesSink = make([]byte, size) // site: alloc.in-closure main.newAllocatingClosure.func1
	}
}

//go:noinline
func newOf[T any](sink **T) {
	*sink = new(T) // site: alloc.generic main.newOf[go.shape.[9]int64]
}

func newNode() *node {
	return &node{} // site: alloc.inlined main.newNode into main.nodeLeft main.nodeRight
}

//go:noinline
func nodeLeft() { nodeSink = newNode() }

//go:noinline
func nodeRight() { nodeSink = newNode() }

func leafInner() *node {
	return &node{} // site: alloc.inlined-twice main.leafInner into main.leafCaller
}

func leafMiddle() *node { return leafInner() }

//go:noinline
func leafCaller() { nodeSink = leafMiddle() }

//go:noinline
func allocDeferred() { defer deferredAlloc() }

//go:noinline
func deferredAlloc() {
	nodeSink = new(node) // site: alloc.deferred main.deferredAlloc
}

// mapGrowth's count is taken from the memory profile: how often a map's growth allocates depends on the hashes.
var mapGrowth = &op{site: "alloc.map-growth"}

// growMaps has every allocation profiled while it runs, which changes neither their number nor their place.
func growMaps(n int) {
	usual := runtime.MemProfileRate
	runtime.MemProfileRate = 1
	for round := 0; round < n/100+1; round++ {
		clearedMap()
		growMap()
	}
	runtime.MemProfileRate = usual
	mapGrowth.count = profiledAllocations()[placeOf(marks[mapGrowth.site])]
}

func clearedMap() { mapSink = map[int]int{} }

//go:noinline
func growMap() {
	for key := 0; key < 500; key++ {
		mapSink[key] = key // site: alloc.map-growth main.growMap
	}
}
