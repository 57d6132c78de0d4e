// Command after counts its goroutines, and computes in pieces between which it can be stopped.
package main

import (
	"runtime/metrics"
	"time"

	"example.com/exercises/long-stop-the-world/sums"
	"example.com/exercises/run"
)

type watchdog struct {
	samples []metrics.Sample
	summer  *sums.Summer
	most    uint64
}

func (w *watchdog) look(_, _ int) {
	w.summer.Add()
	time.Sleep(200 * time.Microsecond)
	metrics.Read(w.samples)
	if n := w.samples[0].Value.Uint64(); n > w.most {
		w.most = n
	}
}

func main() {
	w := &watchdog{samples: []metrics.Sample{{Name: "/sched/goroutines:goroutines"}}, summer: sums.New(64 << 10)}
	run.Ballast(256)
	run.Program{Rate: 5, Unit: w.look}.Main()
}
