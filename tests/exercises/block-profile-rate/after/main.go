// Command after notes one wait for each ten microseconds that are waited.
package main

import (
	"runtime"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func main() {
	runtime.SetBlockProfileRate(10_000)
	run.Ballast(64)
	run.Program{Rate: 2000, Unit: relay.New().Call}.Main()
}
