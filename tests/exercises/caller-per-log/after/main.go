// Command after says itself where its lines come from.
package main

import "example.com/exercises/run"

const file = "caller-per-log/after/main.go"

type logger struct {
	lines, bytes int
	lastFile     string
}

func (l *logger) info(file, message string) {
	l.lastFile = file
	l.lines++
	l.bytes += len(message)
}

func main() {
	log := new(logger)
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, _ int) { log.info(file, "served") }}.Main()
}
