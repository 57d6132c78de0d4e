// Command before runs on as many processors as the machine has; the harness puts it into a cgroup that has one.
package main

import (
	"example.com/exercises/cpu-quota-mismatch/grid"
	"example.com/exercises/run"
)

func main() {
	run.Ballast(64)
	run.Program{Rate: 80, Unit: grid.New().Step}.Main()
}
