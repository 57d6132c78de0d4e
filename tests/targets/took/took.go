// Package took remembers when operations ended and how long they took, and tells what lay between two moments.
package took

import (
	"fmt"
	"sort"
	"sync"
	"time"
)

type operation struct {
	ended time.Time
	took  time.Duration
}

// Log holds the operations of one goroutine; nobody else waits for it but Between.
type Log struct {
	lock       sync.Mutex
	operations []operation
}

// Add remembers an operation that has just ended.
func (l *Log) Add(took time.Duration) {
	l.lock.Lock()
	l.operations = append(l.operations, operation{time.Now(), took})
	l.lock.Unlock()
}

// Between tells, of the operations that ended between two times in nanoseconds since 1970, their number, sum, median
// and 99th percentile in nanoseconds: `N SUM P50 P99`. A quantile is the value at rank ceil(q*n).
func Between(logs []*Log, from, to int64) string {
	var chosen []int64
	var sum int64
	for _, log := range logs {
		log.lock.Lock()
		for _, operation := range log.operations {
			if at := operation.ended.UnixNano(); from <= at && at < to {
				chosen = append(chosen, operation.took.Nanoseconds())
				sum += operation.took.Nanoseconds()
			}
		}
		log.lock.Unlock()
	}
	sort.Slice(chosen, func(i, j int) bool { return chosen[i] < chosen[j] })
	at := func(percent int) int64 {
		if len(chosen) == 0 {
			return 0
		}
		return chosen[(len(chosen)*percent+99)/100-1]
	}
	return fmt.Sprint(len(chosen), sum, at(50), at(99))
}
