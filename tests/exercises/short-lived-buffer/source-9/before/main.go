// Command before unpacks every message into a large buffer of its own: each goes straight to the heap's lock.
package main

import (
	"bytes"
	"io"

	"example.com/exercises/run"
)

const size = 64 << 10

type codec[M any] struct {
	packed []byte
	parse  func([]byte) M
}

func (c *codec[M]) decode(source io.Reader) (M, error) {
	buf := make([]byte, size) // finding: main.(*codec[go.shape.int]).decode
	n, err := source.Read(buf)
	return c.parse(buf[:n]), err
}

func main() {
	c := &codec[int]{packed: []byte("a message"), parse: func(b []byte) int { return len(b) }}
	source := bytes.NewReader(c.packed)
	run.Ballast(256)
	run.Program{Rate: 600, Bytes: size, Unit: func(_, _ int) {
		source.Reset(c.packed)
		if _, err := c.decode(source); err != nil {
			run.Fail("decode: %v", err)
		}
	}}.Main()
}
