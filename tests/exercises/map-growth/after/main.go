// Command after says how much will be in the map.
package main

import "example.com/exercises/run"

const entries = 600

type index map[int]int

func (i index) put(key int) {
	i[key] = key
}

func build(n int) index {
	byID := make(index, entries)
	for i := 0; i < entries; i++ {
		byID.put(n + i)
	}
	return byID
}

func main() {
	sum := 0
	run.Ballast(256)
	run.Program{Rate: 200, Unit: func(_, n int) { sum += len(build(n)) }}.Main()
}
