// Command before renders every answer into a buffer of its own, which is garbage right after.
package main

import (
	"io"
	"strconv"

	"example.com/exercises/run"
)

const size = 4096

type page struct {
	id   int64
	name string
}

type view struct{ out io.Writer }

func (v *view) render(p page) {
	buf := make([]byte, 0, size) // finding: main.(*view).render
	buf = append(buf, `{"id":`...)
	buf = strconv.AppendInt(buf, p.id, 10)
	buf = append(buf, `,"name":"`...)
	buf = append(buf, p.name...)
	buf = append(buf, `"}`...)
	if _, err := v.out.Write(buf); err != nil {
		run.Fail("write: %v", err)
	}
}

func main() {
	v := &view{out: io.Discard}
	run.Ballast(128)
	run.Program{Rate: 8000, Bytes: size, Unit: func(_, n int) { v.render(page{id: int64(n), name: "widget"}) }}.Main()
}
