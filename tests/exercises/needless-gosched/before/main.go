// Command before gives way to others every thousand numbers, though there are no others.
package main

import (
	"math"
	"runtime"

	"example.com/exercises/run"
)

type series struct{ values []float64 }

func (s *series) sum() float64 {
	sum := 0.0
	for i, value := range s.values {
		sum += math.Sqrt(value)
		if i%1000 == 0 {
			runtime.Gosched() // finding: main.(*series).sum
		}
	}
	return sum
}

func main() {
	s := &series{values: make([]float64, 100_000)}
	run.Ballast(64)
	run.Program{Rate: 50, Unit: func(_, _ int) { s.sum() }}.Main()
}
