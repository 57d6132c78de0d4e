// Command before counts the hits of all tenants under one lock, which is held while a hit is signed.
package main

import (
	"hash/crc32"
	"sync"

	"example.com/exercises/run"
)

const tenants = 6

// block is what is signed; that takes some twenty microseconds.
var block [512 << 10]byte

var names = [tenants]string{"ada", "bea", "cleo", "dora", "ella", "fay"}

// limiter knows how often each tenant was here.
type limiter struct {
	mu     sync.Mutex
	counts map[string]uint32
}

func (l *limiter) hit(tenant string) uint32 {
	l.mu.Lock() // finding: main.(*limiter).hit
	defer l.mu.Unlock()
	l.counts[tenant] += crc32.ChecksumIEEE(block[:])
	return l.counts[tenant]
}

func main() {
	l := &limiter{counts: make(map[string]uint32)}
	run.Ballast(64)
	run.Program{Rate: 6000, Workers: tenants, Unit: func(worker, _ int) { l.hit(names[worker]) }}.Main()
}
