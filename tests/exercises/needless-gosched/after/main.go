// Command after computes; the runtime takes turns by itself.
package main

import (
	"math"

	"example.com/exercises/run"
)

type series struct{ values []float64 }

func (s *series) sum() float64 {
	sum := 0.0
	for _, value := range s.values {
		sum += math.Sqrt(value)
	}
	return sum
}

func main() {
	s := &series{values: make([]float64, 100_000)}
	run.Ballast(64)
	run.Program{Rate: 50, Unit: func(_, _ int) { s.sum() }}.Main()
}
