// Command alike takes addresses as often, of values that never leave the stack, and puts few on the heap.
package main

import "example.com/exercises/run"

type point struct{ x, y, z float64 }

func (p *point) move(by *point) {
	p.x += by.x
	p.y += by.y
	p.z += by.z
}

var last *point

func walk(steps int) float64 {
	here := &point{}
	for i := 0; i < steps; i++ {
		here.move(&point{x: 1, y: float64(i)})
	}
	return here.y
}

func main() {
	run.Ballast(128)
	run.Program{Rate: 1500, Unit: func(_, _ int) {
		last = &point{x: walk(100)}
	}}.Main()
}
