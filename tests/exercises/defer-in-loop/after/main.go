// Command after unlocks each shard as soon as it has been read.
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
		sum += s.shards[i].count
		s.shards[i].mu.Unlock()
	}
	return sum
}

func main() {
	s := &set{shards: make([]shard, 8)}
	run.Ballast(128)
	run.Program{Rate: 5000, Unit: func(_, _ int) { s.sum() }}.Main()
}
