// Command after looks at messages as they are.
package main

import (
	"bytes"

	"example.com/exercises/run"
)

const size = 2048

type parser struct {
	last   []byte
	fields int
}

func (p *parser) parse(message []byte) {
	p.last = message
	p.fields += bytes.Count(message, []byte{','})
}

func main() {
	p, message := new(parser), make([]byte, size)
	run.Ballast(128)
	run.Program{Rate: 15000, Bytes: size, Unit: func(_, _ int) { p.parse(message) }}.Main()
}
