package main

import (
	"flag"
	"runtime"
	"strings"

	"example.com/mark"
)

var verify = flag.Bool("verify", false, "compare the allocation counts with Go's own memory profile, taken at rate 1")

// verifyAllocations fails unless the memory profile has every counted allocation under its own line and function.
// Those of no bytes it has none of: mallocgc returns before it samples.
func verifyAllocations(ops []*op) {
	profiled := profiledAllocations()
	counted, tiny := map[string]uint64{}, map[string]bool{}
	for _, op := range ops {
		if op.bytes == 0 {
			continue
		}
		counted[op.site] += op.count
		tiny[op.site] = op.tiny
	}
	for site, count := range counted {
		place := placeOf(marks[site])
		found := profiled[place]
		if tiny[site] && found < count {
			continue
		}
		if found != count {
			mark.Fail("%s: counted %d, the memory profile has %d at %v", site, count, found, place)
		}
	}
}

type place struct {
	function, file string
	line           int
}

// placeOf returns where the memory profile shows a mark: it prints type arguments of shapes as dots.
func placeOf(m mark.Mark) place {
	name := m.Function
	if open := strings.IndexByte(name, '['); open >= 0 {
		name = name[:open] + "[...]" + name[strings.LastIndexByte(name, ']')+1:]
	}
	return place{name, m.File, m.Line}
}

// profiledAllocations sums the objects of the memory profile by the innermost frame that is this module's.
func profiledAllocations() map[place]uint64 {
	// What was allocated since the last collection is published by the second one.
	runtime.GC()
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 10_000)
	n, ok := runtime.MemProfile(records, true)
	if !ok {
		mark.Fail("%d records of the memory profile are too many", n)
	}
	found := map[place]uint64{}
	for _, record := range records[:n] {
		frames := runtime.CallersFrames(record.Stack())
		for {
			frame, more := frames.Next()
			if strings.HasPrefix(frame.Function, "main.") || strings.HasPrefix(frame.Function, "example.com/") {
				found[place{frame.Function, frame.File, frame.Line}] += uint64(record.AllocObjects)
				break
			}
			if !more {
				break
			}
		}
	}
	return found
}
