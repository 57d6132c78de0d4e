// Command alike finds out where errors come from; one request in a hundred is one.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type logger struct{ lines, errors, lastLine int }

func (l *logger) info() { l.lines++ }

func (l *logger) fail() {
	l.errors++
	_, _, l.lastLine, _ = runtime.Caller(1)
}

func main() {
	log := new(logger)
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, n int) {
		log.info()
		if n%100 == 0 {
			log.fail()
		}
	}}.Main()
}
