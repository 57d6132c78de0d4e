// Command before logs each request with file and line.
package main

import (
	"example.com/exercises/caller-per-log/before/logger"
	"example.com/exercises/run"
)

func main() {
	log := new(logger.Logger)
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, _ int) { log.Info("served") }}.Main()
}
