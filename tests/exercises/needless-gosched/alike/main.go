// Command alike gives way as well: by waiting for somebody, and by hand now and then.
package main

import (
	"runtime"

	"example.com/exercises/run"
)

type relay struct{ to, back chan int }

func (r *relay) echo() {
	for value := range r.to {
		r.back <- value
	}
}

func main() {
	r := &relay{to: make(chan int), back: make(chan int)}
	go r.echo()
	run.Ballast(64)
	run.Program{Rate: 2000, Unit: func(_, n int) {
		r.to <- n
		<-r.back
		if n%100 == 0 {
			runtime.Gosched()
		}
	}}.Main()
}
