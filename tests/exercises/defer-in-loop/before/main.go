// Command before unlocks its shards by a defer in a loop, each of which is a record in a list.
package main

import (
	"sync"

	"example.com/exercises/run"
)

type shard struct {
	mu    sync.Mutex
	count int
}

type set struct{ shards []shard }

func (s *set) sum() int {
	sum := 0
	for i := range s.shards {
		s.shards[i].mu.Lock()
		defer s.shards[i].mu.Unlock() // finding: main.(*set).sum
		sum += s.shards[i].count
	}
	return sum
}

func main() {
	s := &set{shards: make([]shard, 8)}
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, _ int) { s.sum() }}.Main()
}
