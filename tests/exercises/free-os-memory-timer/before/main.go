// Command before gives its memory back to the system at a regular beat.
package main

import (
	"runtime/debug"
	"time"

	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

const beat = 800 * time.Millisecond

func giveBack() {
	for range time.Tick(beat) {
		debug.FreeOSMemory() // finding: main.giveBack
	}
}

func main() {
	go giveBack()
	run.Ballast(8)
	run.Program{Rate: 50, Unit: func(_, n int) { report.Build(n) }}.Main()
}
