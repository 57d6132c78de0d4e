package main

/*
#include <stdint.h>
#include <time.h>
#include <unistd.h>

extern void goBack(int depth);
extern void goBackOften(int times);

static int64_t clock_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

// Both return what they took by their own clock, which whoever watches the calls adds nothing to.
static int64_t spin(int64_t ns) {
	int64_t began = clock_ns(), took;
	do {
		took = clock_ns() - began;
	} while (took < ns);
	return took;
}

static int64_t nap(unsigned us) {
	int64_t began = clock_ns();
	usleep(us);
	return clock_ns() - began;
}

static int add(int a, int b) { return a + b; }
static void callBack(int depth) { goBack(depth); }
static void callBackOften(int times) { for (int i = 0; i < times; i++) goBackOften(i); }
*/
import "C"

import "time"

// depth is how many C frames a nested operation stacks up, each called by Go that C has called.
const depth = 3

var operations = []*op{
	{site: "cgo.spin-20us", run: spinShort},
	{site: "cgo.spin-200us", run: (&spinner{ns: 200_000}).spin},
	{site: "cgo.nap", run: nap},
	{site: "cgo.closure", run: newSpinningClosure(50_000)},
	{site: "cgo.generic", run: func() time.Duration { return spinGeneric(int64(30_000)) }},
	{site: "cgo.inlined", into: "main.addLeft", run: addLeft},
	{site: "cgo.inlined", into: "main.addRight", run: addRight},
	{site: "cgo.deferred", run: spinDeferred},
	{site: "cgo.nested", run: nested, also: map[string]uint64{"cgo.from-callback": depth}},
	{site: "cgo.often", run: often},
}

//go:noinline
func spinShort() time.Duration {
	return time.Duration(C.spin(20_000)) // site: cgo.spin-20us main.spinShort
}

type spinner struct{ ns int64 }

//go:noinline
func (s *spinner) spin() time.Duration {
	return time.Duration(C.spin(C.int64_t(s.ns))) // site: cgo.spin-200us main.(*spinner).spin
}

//go:noinline
func nap() time.Duration {
	return time.Duration(C.nap(100)) // site: cgo.nap main.nap
}

//go:noinline
func newSpinningClosure(ns int64) func() time.Duration {
	return func() time.Duration {
		return time.Duration(C.spin(C.int64_t(ns))) // site: cgo.closure main.newSpinningClosure.func1
	}
}

//go:noinline
func spinGeneric[T ~int64](ns T) time.Duration {
	return time.Duration(C.spin(C.int64_t(ns))) // site: cgo.generic main.spinGeneric[go.shape.int64]
}

var sum C.int

func add() {
	sum = C.add(sum, 1) // site: cgo.inlined main.add into main.addLeft main.addRight
}

//go:noinline
func addLeft() time.Duration {
	began := time.Now()
	add()
	return time.Since(began)
}

//go:noinline
func addRight() time.Duration {
	began := time.Now()
	add()
	return time.Since(began)
}

//go:noinline
func spinDeferred() (took time.Duration) {
	defer deferredSpin(&took)
	return 0
}

//go:noinline
func deferredSpin(took *time.Duration) {
	*took = time.Duration(C.spin(40_000)) // site: cgo.deferred main.deferredSpin
}

//go:noinline
func nested() time.Duration {
	began := time.Now()
	C.callBack(depth) // site: cgo.nested main.nested
	return time.Since(began)
}

// goBack runs on a stack of Go, C, Go, …; each level makes the next C call.
//
//go:noinline
//export goBack
func goBack(left C.int) {
	if left > 0 {
		C.callBack(left - 1) // site: cgo.from-callback main.goBack
	}
}

//go:noinline
func often() time.Duration {
	began := time.Now()
	C.callBackOften(10) // site: cgo.often main.often
	return time.Since(began)
}

var backs int

//export goBackOften
func goBackOften(times C.int) { backs += int(times) }
