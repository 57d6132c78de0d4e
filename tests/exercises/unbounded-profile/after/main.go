// Command after profiles itself in windows, each with a file that is sent away afterwards.
package main

import (
	"time"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

func main() {
	go busy.Windows(1200*time.Millisecond, 800*time.Millisecond)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: new(busy.Load).Step}.Main()
}
