// Command alike passes as many interfaces: of pointers and of small numbers, for which nothing is allocated.
package main

import "example.com/exercises/run"

type event struct{ id, size int }

type sink struct{ events, small int }

func (s *sink) take(values ...any) {
	for _, value := range values {
		switch value := value.(type) {
		case *event:
			s.events += value.size
		case uint8:
			s.small += int(value)
		}
	}
}

func main() {
	s, e := new(sink), &event{id: 1, size: 2}
	run.Ballast(128)
	run.Program{Rate: 30000, Unit: func(_, n int) { s.take(e, uint8(n)) }}.Main()
}
