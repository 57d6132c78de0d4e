// Command before fills a new map for every request and lets it grow step by step.
package main

import "example.com/exercises/run"

const entries = 600

type index map[int]int

func (i index) put(key int) {
	i[key] = key // finding: main.index.put
}

func build(n int) index {
	byID := make(index)
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
