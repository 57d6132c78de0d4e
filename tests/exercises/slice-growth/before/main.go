// Command before collects results in a slice that starts with nothing, and moves them again and again.
package main

import "example.com/exercises/run"

const results = 1000

// collect is generic over what it keeps.
func collect[In, Out any](in []In, keep func(In) (Out, bool)) []Out {
	var out []Out
	for _, item := range in {
		if value, ok := keep(item); ok {
			out = append(out, value) // finding: main.collect[go.shape.int,go.shape.int]
		}
	}
	return out
}

func main() {
	in, sum := make([]int, results), 0
	run.Ballast(256)
	run.Program{Rate: 1500, Bytes: results * 8, Unit: func(_, n int) {
		sum += len(collect(in, func(item int) (int, bool) { return item + n, true }))
	}}.Main()
}
