// Command before writes out all its goroutines several times a second; while it does, none of them runs.
package main

import (
	"io"
	"runtime/pprof"

	"example.com/exercises/long-stop-the-world/crowd"
	"example.com/exercises/run"
)

type watchdog struct{ out io.Writer }

func (w *watchdog) look(_, _ int) {
	if err := pprof.Lookup("goroutine").WriteTo(w.out, 2); err != nil { // finding: main.(*watchdog).look
		run.Fail("profile: %v", err)
	}
}

func main() {
	crowd.Gather(2000)
	w := &watchdog{out: io.Discard}
	run.Ballast(256)
	run.Program{Rate: 3, Unit: w.look}.Main()
}
