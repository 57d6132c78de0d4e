// Command after collects results in a slice that is large enough and used again.
package main

import "example.com/exercises/run"

const results = 1000

// collect is generic over what it keeps.
func collect[In, Out any](out []Out, in []In, keep func(In) (Out, bool)) []Out {
	for _, item := range in {
		if value, ok := keep(item); ok {
			out = append(out, value)
		}
	}
	return out
}

func main() {
	in, out, sum := make([]int, results), make([]int, 0, results), 0
	run.Ballast(256)
	run.Program{Rate: 1500, Bytes: results * 8, Unit: func(_, n int) {
		out = collect(out[:0], in, func(item int) (int, bool) { return item + n, true })
		sum += len(out)
	}}.Main()
}
