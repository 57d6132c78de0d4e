// Command alike is in a cgroup with a quota too, one that is larger than the machine.
package main

import (
	"example.com/exercises/cpu-quota-mismatch/grid"
	"example.com/exercises/run"
)

func main() {
	run.Ballast(64)
	run.Program{Rate: 80, Unit: grid.New().Step}.Main()
}
