// Package crowd is goroutines that wait for good.
package crowd

import "sync"

var never = make(chan struct{})

// Gather returns when n goroutines have started to wait.
func Gather(n int) {
	var ready sync.WaitGroup
	ready.Add(n)
	for i := 0; i < n; i++ {
		go stand(4, &ready)
	}
	ready.Wait()
}

//go:noinline
func stand(depth int, ready *sync.WaitGroup) {
	if depth > 0 {
		stand(depth-1, ready)
		return
	}
	ready.Done()
	<-never
}
