// Command after enriches a table with as many goroutines as there are processors.
package main

import (
	"runtime"
	"sync"

	"example.com/exercises/goroutine-per-item/rows"
	"example.com/exercises/run"
)

// parallel gives each worker a stretch of the input.
func parallel[In, Out any](in []In, out []Out, workers int, one func(In) Out) {
	var all sync.WaitGroup
	all.Add(workers)
	for w := 0; w < workers; w++ {
		go func(w int) {
			defer all.Done()
			for i := w * len(in) / workers; i < (w+1)*len(in)/workers; i++ {
				out[i] = one(in[i])
			}
		}(w)
	}
	all.Wait()
}

func main() {
	workers := runtime.GOMAXPROCS(0)
	table := rows.Table(3000)
	out := make([]rows.Enriched, len(table))
	run.Ballast(64)
	run.Program{Rate: 3, Unit: func(_, _ int) { parallel(table, out, workers, rows.Enrich) }}.Main()
}
