// Command alike opens and closes files of the standard library, which has finalizers of its own.
package main

import (
	"os"

	"example.com/exercises/run"
)

type reader struct{ buf [16]byte }

func (r *reader) read(path string) int {
	file, err := os.Open(path)
	if err != nil {
		run.Fail("%v", err)
	}
	defer file.Close()
	n, err := file.Read(r.buf[:])
	if err != nil {
		run.Fail("%v", err)
	}
	return n
}

func main() {
	r := new(reader)
	run.Program{Rate: 40, Unit: func(_, _ int) { r.read("/proc/self/stat") }}.Main()
}
