// Command after hands entries over by value to a handler whose type is known.
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

type counting struct{ lines, bytes int }

func (c *counting) handle(e entry) {
	c.lines++
	c.bytes += len(e.message)
}

type logger struct {
	to  *counting
	now time.Time
}

func (l *logger) log(level int, message string) {
	l.to.handle(entry{level: level, at: l.now, message: message})
}

func main() {
	l := &logger{to: new(counting), now: time.Now()}
	run.Ballast(128)
	run.Program{Rate: 1500, Bytes: 48 * 100, Unit: func(_, _ int) {
		for i := 0; i < 100; i++ {
			l.log(i, "served")
		}
	}}.Main()
}
