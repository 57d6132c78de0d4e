// Command after profiles itself for a second now and then, a hundred times a second as usual.
package main

import (
	"time"

	"example.com/exercises/cpu-profile-rate/busy"
	"example.com/exercises/run"
)

func main() {
	go busy.Windows(1500*time.Millisecond, time.Second)
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: new(busy.Load).Step}.Main()
}
