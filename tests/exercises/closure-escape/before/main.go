// Command before queues a closure per task, which takes what it has captured to the heap.
package main

import "example.com/exercises/run"

type queue struct {
	tasks []func() int
	done  int
}

func (q *queue) add(id, weight int) {
	q.tasks = append(q.tasks, func() int { return id * weight }) // finding: main.(*queue).add
	if len(q.tasks) == cap(q.tasks) {
		q.drain()
	}
}

func (q *queue) drain() {
	for _, task := range q.tasks {
		q.done += task()
	}
	q.tasks = q.tasks[:0]
}

func main() {
	q := &queue{tasks: make([]func() int, 0, 256)}
	run.Ballast(128)
	run.Program{Rate: 40000, Unit: func(_, n int) { q.add(n, 3) }}.Main()
}
