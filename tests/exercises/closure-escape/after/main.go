// Command after queues what a task needs, by value.
package main

import "example.com/exercises/run"

type task struct{ id, weight int }

func (t task) do() int { return t.id * t.weight }

type queue struct {
	tasks []task
	done  int
}

func (q *queue) add(id, weight int) {
	q.tasks = append(q.tasks, task{id: id, weight: weight})
	if len(q.tasks) == cap(q.tasks) {
		q.drain()
	}
}

func (q *queue) drain() {
	for _, task := range q.tasks {
		q.done += task.do()
	}
	q.tasks = q.tasks[:0]
}

func main() {
	q := &queue{tasks: make([]task, 0, 256)}
	run.Ballast(128)
	run.Program{Rate: 40000, Unit: func(_, n int) { q.add(n, 3) }}.Main()
}
