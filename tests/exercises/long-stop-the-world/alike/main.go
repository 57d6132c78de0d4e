// Command alike stops the world as often, for some microseconds: one processor, nobody to wait for.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type watchdog struct{ heap uint64 }

func (w *watchdog) look(_, _ int) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	w.heap = stats.HeapInuse
}

func main() {
	runtime.GOMAXPROCS(1)
	w := new(watchdog)
	run.Program{Rate: 3, Unit: w.look}.Main()
}
