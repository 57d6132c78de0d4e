// Command alike looks up as often, in a map of small values.
package main

import "example.com/exercises/run"

type quote struct{ bid, ask float64 }

type table struct{ quotes map[string]quote }

func (t *table) spread(symbol string) float64 {
	q := t.quotes[symbol]
	return q.ask - q.bid
}

func main() {
	t := &table{quotes: map[string]quote{"AAA": {1, 2}, "BBB": {2, 3}, "CCC": {3, 5}}}
	symbols := [3]string{"AAA", "BBB", "CCC"}
	var sum float64
	run.Program{Rate: 40000, Unit: func(_, n int) { sum += t.spread(symbols[n%3]) }}.Main()
}
