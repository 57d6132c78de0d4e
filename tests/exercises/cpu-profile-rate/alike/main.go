// Command alike profiles itself too, all the time, but a hundred times a second.
package main

import (
	"runtime/pprof"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

func main() {
	file := busy.File()
	defer busy.Remove(file)
	if err := pprof.StartCPUProfile(file); err != nil {
		run.Fail("%v", err)
	}
	defer pprof.StopCPUProfile()
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: new(busy.Load).Step}.Main()
}
