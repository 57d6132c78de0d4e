// Command alike lets many goroutines make timers and waits for every one of them to fire.
package main

import (
	"context"
	"time"

	"example.com/exercises/run"
)

// backOff returns when the time is over, unless the request is over first, which it never is.
func backOff(ctx context.Context, pause time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}

func request(_, _ int) {
	ctx, answered := context.WithCancel(context.Background())
	defer answered()
	over := make(chan error)
	go func() { over <- backOff(ctx, 3*time.Millisecond) }()
	<-over
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 120, Workers: 2, Unit: request}.Main()
}
