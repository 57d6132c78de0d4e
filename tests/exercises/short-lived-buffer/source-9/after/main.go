// Command after unpacks messages into a large buffer that it keeps.
package main

import (
	"bytes"
	"io"
	"sync"

	"example.com/exercises/run"
)

const size = 64 << 10

type codec[M any] struct {
	packed  []byte
	buffers sync.Pool
	parse   func([]byte) M
}

func (c *codec[M]) decode(source io.Reader) (M, error) {
	buf := c.buffers.Get().(*[size]byte)
	defer c.buffers.Put(buf)
	n, err := source.Read(buf[:])
	return c.parse(buf[:n]), err
}

func main() {
	c := &codec[int]{packed: []byte("a message"), parse: func(b []byte) int { return len(b) }}
	c.buffers.New = func() any { return new([size]byte) }
	source := bytes.NewReader(c.packed)
	run.Ballast(256)
	run.Program{Rate: 600, Bytes: size, Unit: func(_, _ int) {
		source.Reset(c.packed)
		if _, err := c.decode(source); err != nil {
			run.Fail("decode: %v", err)
		}
	}}.Main()
}
