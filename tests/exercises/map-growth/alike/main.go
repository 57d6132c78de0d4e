// Command alike writes as often, to a map that has its size and keeps it.
package main

import "example.com/exercises/run"

const entries = 600

type window struct{ recent map[int]int }

func (w *window) put(n int) {
	w.recent[n] = n
	delete(w.recent, n-entries)
}

func main() {
	w := &window{recent: make(map[int]int, 2*entries)}
	run.Ballast(256)
	run.Program{Rate: 200, Unit: func(_, n int) {
		for i := 0; i < entries; i++ {
			w.put(n*entries + i)
		}
	}}.Main()
}
