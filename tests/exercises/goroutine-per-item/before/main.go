// Command before enriches a table with one goroutine per row.
package main

import (
	"sync"

	"example.com/exercises/goroutine-per-item/rows"
	"example.com/exercises/run"
)

// parallel is generic over what comes in and what goes out.
func parallel[In, Out any](in []In, out []Out, one func(In) Out) {
	var all sync.WaitGroup
	all.Add(len(in))
	for i := range in {
		go func(i int) { // finding: main.parallel[go.shape.struct { example.com/exercises/goroutine-per-item/rows.ID float64; example.com/exercises/goroutine-per-item/rows.Quantity float64; example.com/exercises/goroutine-per-item/rows.Price float64 },go.shape.struct { example.com/exercises/goroutine-per-item/rows.Total float64; example.com/exercises/goroutine-per-item/rows.Tax float64 }]
			defer all.Done()
			out[i] = one(in[i])
		}(i)
	}
	all.Wait()
}

func main() {
	table := rows.Table(3000)
	out := make([]rows.Enriched, len(table))
	run.Ballast(64)
	run.Program{Rate: 3, Unit: func(_, _ int) { parallel(table, out, rows.Enrich) }}.Main()
}
