// Command before counts all goroutines of the process to tell how many requests it serves.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type gauge struct{ last int }

func (g *gauge) scrape(_, _ int) {
	g.last = runtime.NumGoroutine() // finding: main.(*gauge).scrape
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 20, Unit: new(gauge).scrape}.Main()
}
