// Command before profiles itself a thousand times a second to see more.
package main

import (
	"runtime"
	"runtime/pprof"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

func main() {
	file := busy.File()
	defer busy.Remove(file)
	runtime.SetCPUProfileRate(1000) // finding: main.main
	// Complains that the rate has been set before, and leaves it as it is.
	if err := pprof.StartCPUProfile(file); err != nil {
		run.Fail("%v", err)
	}
	defer pprof.StopCPUProfile()
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: new(busy.Load).Step}.Main()
}
