// Command before profiles itself from its start to its end, into a file that only grows.
package main

import (
	"runtime/pprof"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

type profiled struct{ *busy.Load }

func (p profiled) run() {
	file := busy.File()
	defer busy.Remove(file)
	if err := pprof.StartCPUProfile(file); err != nil { // finding: main.profiled.run
		run.Fail("%v", err)
	}
	defer pprof.StopCPUProfile()
	run.Program{Rate: 1000, Unit: p.Step}.Main()
}

func main() {
	run.Ballast(64)
	profiled{new(busy.Load)}.run()
}
