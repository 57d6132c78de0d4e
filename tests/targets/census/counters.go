package main

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"runtime/pprof"
	"runtime/trace"
	"strconv"
	"strings"
	"time"
)

// What the runtime says of itself, under the names that the observer uses.
func counters() map[string]uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return map[string]uint64{
		"goroutines":         uint64(runtime.NumGoroutine()),
		"gomaxprocs":         uint64(runtime.GOMAXPROCS(0)),
		"gc_cycles":          uint64(stats.NumGC),
		"forced_gc_cycles":   uint64(stats.NumForcedGC),
		"gc_pause_ns":        stats.PauseTotalNs,
		"allocated_objects":  stats.Mallocs,
		"allocated_bytes":    stats.TotalAlloc,
		"heap_live_bytes":    metric("/gc/heap/live:bytes"),
		"heap_alloc_bytes":   stats.HeapAlloc,
		"gc_assist_cpu_ns":   seconds("/cpu/classes/gc/mark/assist:cpu-seconds"),
		"gc_mark_cpu_ns":     seconds("/cpu/classes/gc/mark/assist:cpu-seconds") + seconds("/cpu/classes/gc/mark/dedicated:cpu-seconds"),
		"cgo_calls":          uint64(runtime.NumCgoCall()),
		"goroutines_created": metric("/sched/goroutines-created:goroutines"),
	}
}

func metric(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	switch sample[0].Value.Kind() {
	case metrics.KindUint64:
		return sample[0].Value.Uint64()
	case metrics.KindFloat64:
		return uint64(sample[0].Value.Float64())
	}
	return 0
}

func seconds(name string) uint64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindFloat64 {
		return 0
	}
	return uint64(math.Round(sample[0].Value.Float64() * 1e9))
}

var (
	kept   [][]byte
	sink   *[6]uint64
	timers []*time.Timer
)

// Does n of something that the runtime counts.
func work(command []string) map[string]uint64 {
	n := 0
	if len(command) > 1 {
		n, _ = strconv.Atoi(command[1])
	}
	switch command[0] {
	case "allocate":
		for i := 0; i < n; i++ {
			allocate()
		}
	case "keep":
		for i := 0; i < n; i++ {
			keep()
		}
	case "collect":
		for i := 0; i < n; i++ {
			runtime.GC()
		}
	case "spawn":
		done := make(chan struct{})
		for i := 0; i < n; i++ {
			go func() { done <- struct{}{} }()
			<-done
		}
	case "timers":
		for i := 0; i < n; i++ {
			timers = append(timers, time.AfterFunc(time.Hour, func() {}))
		}
	case "call-c":
		callC(n)
	case "procs":
		runtime.GOMAXPROCS(n)
	}
	return map[string]uint64{"done": uint64(n)}
}

//go:noinline
func allocate() { sink = new([6]uint64) }

//go:noinline
func keep() { kept = append(kept, make([]byte, 8000)) }

// Switches things on, name=value each, and says what they are now.
func settings(command []string) map[string]int64 {
	for _, setting := range command {
		name, text, _ := strings.Cut(setting, "=")
		value, _ := strconv.Atoi(text)
		switch name {
		case "block":
			runtime.SetBlockProfileRate(value)
		case "mutex":
			runtime.SetMutexProfileFraction(value)
		case "cpu":
			if value > 0 {
				_ = pprof.StartCPUProfile(new(bytes.Buffer))
			} else {
				pprof.StopCPUProfile()
			}
		case "trace":
			if value > 0 {
				null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
				if err == nil {
					err = trace.Start(null)
				}
				if err != nil {
					panic(err)
				}
			} else {
				trace.Stop()
			}
		case "gogc":
			debug.SetGCPercent(value)
		case "limit":
			debug.SetMemoryLimit(int64(value))
		}
	}
	return map[string]int64{
		"mutex": int64(runtime.SetMutexProfileFraction(-1)),
		"limit": debug.SetMemoryLimit(-1),
		"heap":  int64(runtime.MemProfileRate),
	}
}
