// Command alike has asked for one profile, which is on when somebody begins to watch and ends soon after.
package main

import (
	"runtime/pprof"
	"time"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

func once(length time.Duration) {
	file := busy.File()
	defer busy.Remove(file)
	if err := pprof.StartCPUProfile(file); err != nil {
		run.Fail("%v", err)
	}
	time.Sleep(length)
	pprof.StopCPUProfile()
}

func main() {
	go once(2 * time.Second)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: new(busy.Load).Step}.Main()
}
