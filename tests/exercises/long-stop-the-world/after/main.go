// Command after counts its goroutines; to look at each is for when there are too many.
package main

import (
	"runtime/metrics"

	"example.com/exercises/long-stop-the-world/crowd"
	"example.com/exercises/run"
)

type watchdog struct {
	samples []metrics.Sample
	most    uint64
}

func (w *watchdog) look(_, _ int) {
	metrics.Read(w.samples)
	if n := w.samples[0].Value.Uint64(); n > w.most {
		w.most = n
	}
}

func main() {
	crowd.Gather(2000)
	w := &watchdog{samples: []metrics.Sample{{Name: "/sched/goroutines:goroutines"}}}
	run.Ballast(256)
	run.Program{Rate: 3, Unit: w.look}.Main()
}
