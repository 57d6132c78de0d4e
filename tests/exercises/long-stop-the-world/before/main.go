// Command before writes down where its goroutines are while one of them can't be stopped: all others wait for that one.
package main

import (
	"io"
	"runtime/pprof"
	"time"

	"example.com/exercises/long-stop-the-world/sums"
	"example.com/exercises/run"
)

type watchdog struct {
	out    io.Writer
	summer *sums.Summer
}

func (w *watchdog) look(_, _ int) {
	w.summer.Add()
	time.Sleep(200 * time.Microsecond)
	if err := pprof.Lookup("goroutine").WriteTo(w.out, 0); err != nil { // finding: main.(*watchdog).look
		run.Fail("profile: %v", err)
	}
}

func main() {
	w := &watchdog{out: io.Discard, summer: sums.New(0)}
	run.Ballast(256)
	run.Program{Rate: 5, Unit: w.look}.Main()
}
