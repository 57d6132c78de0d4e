// Command alike could note waits, and has switched it off again.
package main

import (
	"runtime"

	"example.com/exercises/block-profile-rate/relay"
	"example.com/exercises/run"
)

func main() {
	runtime.SetBlockProfileRate(1)
	r := relay.New()
	r.Call(0, 0)
	runtime.SetBlockProfileRate(0)
	run.Ballast(64)
	run.Program{Rate: 2000, Unit: r.Call}.Main()
}
