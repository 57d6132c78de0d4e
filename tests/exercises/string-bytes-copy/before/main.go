// Command before makes a string of every message to look at it.
package main

import (
	"strings"

	"example.com/exercises/run"
)

const size = 2048

type parser struct {
	last   string
	fields int
}

func (p *parser) parse(message []byte) {
	p.last = string(message) // finding: main.(*parser).parse
	p.fields += strings.Count(p.last, ",")
}

func main() {
	p, message := new(parser), make([]byte, size)
	run.Ballast(128)
	run.Program{Rate: 15000, Bytes: size, Unit: func(_, _ int) { p.parse(message) }}.Main()
}
