// Command before benchmarks a parser and collects garbage by hand before every iteration.
package main

import (
	"runtime"
	"testing"

	"example.com/exercises/forced-gc/package-2/bench"
	"example.com/exercises/run"
)

func benchmarkParse(b *testing.B) {
	for i := 0; i < b.N; i++ {
		runtime.GC() // finding: main.benchmarkParse
		bench.Parse(i)
	}
}

func main() {
	bench.Init("100x")
	run.Program{Rate: 2, Unit: func(_, _ int) { testing.Benchmark(benchmarkParse) }}.Main()
}
