// Command after runs on the one processor that its cgroup has.
package main

import (
	"runtime"

	"example.com/exercises/cpu-quota-mismatch/grid"
	"example.com/exercises/run"
)

func main() {
	runtime.GOMAXPROCS(1)
	run.Ballast(64)
	run.Program{Rate: 80, Unit: grid.New().Step}.Main()
}
