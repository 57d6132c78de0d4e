// Command alike converts as often, where the compiler needs no copy: for a look-up, a comparison, a loop.
package main

import "example.com/exercises/run"

type parser struct {
	known map[string]int
	hits  int
}

func (p *parser) parse(message []byte) {
	p.hits += p.known[string(message)]
	if string(message) == "quit" {
		p.hits = 0
	}
	for _, char := range []byte("0123") {
		p.hits += int(char)
	}
}

func main() {
	p, message := &parser{known: map[string]int{"a": 1, "b": 2}}, make([]byte, 2048)
	run.Ballast(128)
	run.Program{Rate: 15000, Unit: func(_, _ int) { p.parse(message) }}.Main()
}
