// Command before hands a pointer to an interface for every line that it logs, so every entry lives on the heap.
package main

import (
	"time"

	"example.com/exercises/run"
)

type entry struct {
	level   int
	at      time.Time
	message string
}

type handler interface{ handle(*entry) }

type counting struct{ lines, bytes int }

func (c *counting) handle(e *entry) {
	c.lines++
	c.bytes += len(e.message)
}

type logger struct {
	to  handler
	now time.Time
}

func (l *logger) log(level int, message string) {
	l.to.handle(&entry{level: level, at: l.now, message: message}) // finding: main.(*logger).log
}

func main() {
	l := &logger{to: new(counting), now: time.Now()}
	if run.Stopped() {
		l.to = nil
	}
	run.Ballast(128)
	run.Program{Rate: 1500, Bytes: 48 * 100, Unit: func(_, _ int) {
		for i := 0; i < 100; i++ {
			l.log(i, "served")
		}
	}}.Main()
}
