package main

import "runtime"

type site struct {
	Functions  []string `json:"functions"`
	Allocated  int64    `json:"allocated"`
	AllocatedB int64    `json:"allocated_bytes"`
	Live       int64    `json:"live"`
	LiveB      int64    `json:"live_bytes"`
}

// The program's own memory profile, unscaled, as of a collection just now.
func heap() []site {
	// One collection ends a cycle, the next one publishes it.
	runtime.GC()
	runtime.GC()
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 10000)
	n, ok := runtime.MemProfile(records, true)
	if !ok {
		panic(n)
	}
	sites := make([]site, 0, n)
	for _, record := range records[:n] {
		found := site{
			Allocated:  record.AllocObjects,
			AllocatedB: record.AllocBytes,
			Live:       record.InUseObjects(),
			LiveB:      record.InUseBytes(),
		}
		frames := runtime.CallersFrames(record.Stack())
		for {
			frame, more := frames.Next()
			if frame.Function != "" {
				found.Functions = append(found.Functions, frame.Function)
			}
			if !more {
				break
			}
		}
		sites = append(sites, found)
	}
	return sites
}
