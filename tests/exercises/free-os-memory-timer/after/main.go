// Command after tells the runtime how much memory it may have.
package main

import (
	"runtime/debug"

	"example.com/exercises/forced-gc/report"
	"example.com/exercises/run"
)

func main() {
	debug.SetMemoryLimit(256 << 20)
	run.Ballast(8)
	run.Program{Rate: 50, Unit: func(_, n int) { report.Build(n) }}.Main()
}
