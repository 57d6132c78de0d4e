// Command before notes every single wait, with its stack.
package main

import (
	"runtime"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func main() {
	runtime.SetBlockProfileRate(1) // finding: main.main
	run.Ballast(64)
	run.Program{Rate: 2000, Unit: relay.New().Call}.Main()
}
