// Command alike appends as much, to a log that is emptied when it is full and so grows only in the beginning.
package main

import "example.com/exercises/run"

type log struct{ lines []int }

func (l *log) add(line int) {
	if len(l.lines) == 100_000 {
		l.lines = l.lines[:0]
	}
	l.lines = append(l.lines, line)
}

func main() {
	l := new(log)
	run.Ballast(256)
	run.Program{Rate: 1500, Unit: func(_, n int) {
		for i := 0; i < 1000; i++ {
			l.add(n + i)
		}
	}}.Main()
}
