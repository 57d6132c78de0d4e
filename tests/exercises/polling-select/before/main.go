// Command before asks again and again whether there is work, and mostly there is none.
package main

import "example.com/exercises/run"

type spinner struct {
	work  chan int
	done  int
	tries int
}

func (s *spinner) poll() {
	select {
	case job := <-s.work: // finding: main.(*spinner).poll
		s.done += job
	default:
		s.tries++
	}
}

func main() {
	s := &spinner{work: make(chan int, 4)}
	run.Ballast(64)
	run.Program{Rate: 1000, Unit: func(_, n int) {
		if n%10 == 0 {
			s.work <- n
		}
		for i := 0; i < 4000; i++ {
			s.poll()
		}
	}}.Main()
}
