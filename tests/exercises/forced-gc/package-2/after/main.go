// Command after benchmarks a parser and lets the collector be a part of what is measured.
package main

import (
	"testing"

	"example.com/exercises/forced-gc/package-2/bench"
	"example.com/exercises/run"
)

func benchmarkParse(b *testing.B) {
	for i := 0; i < b.N; i++ {
		bench.Parse(i)
	}
}

func main() {
	bench.Init("100x")
	run.Ballast(64)
	run.Program{Rate: 1, Unit: func(_, _ int) { testing.Benchmark(benchmarkParse) }}.Main()
}
