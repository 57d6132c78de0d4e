// Command after renders into buffers that are used again.
package main

import (
	"io"
	"strconv"
	"sync"

	"example.com/exercises/run"
)

const size = 4096

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, size); return &b }}

type page struct {
	id   int64
	name string
}

type view struct{ out io.Writer }

func (v *view) render(p page) {
	kept := buffers.Get().(*[]byte)
	buf := (*kept)[:0]
	buf = append(buf, `{"id":`...)
	buf = strconv.AppendInt(buf, p.id, 10)
	buf = append(buf, `,"name":"`...)
	buf = append(buf, p.name...)
	buf = append(buf, `"}`...)
	if _, err := v.out.Write(buf); err != nil {
		run.Fail("write: %v", err)
	}
	*kept = buf
	buffers.Put(kept)
}

func main() {
	v := &view{out: io.Discard}
	run.Ballast(128)
	run.Program{Rate: 8000, Bytes: size, Unit: func(_, n int) { v.render(page{id: int64(n), name: "widget"}) }}.Main()
}
