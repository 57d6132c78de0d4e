// Package metrics reads the runtime's memory statistics at intervals.
package metrics

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"
)

var (
	readings atomic.Uint64
	heap     atomic.Uint64
	size     atomic.Int64
)

// Loop reads until the context ends; length is read along with the statistics.
func Loop(ctx context.Context, interval time.Duration, length func() int) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(interval):
			read(length)
		}
	}
}

func read(length func() int) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	heap.Store(stats.HeapAlloc)
	size.Store(int64(length()))
	readings.Add(1)
}

// Heap returns the bytes in use at the last reading.
func Heap() uint64 { return heap.Load() }

// Readings returns how often the statistics have been read.
func Readings() uint64 { return readings.Load() }
