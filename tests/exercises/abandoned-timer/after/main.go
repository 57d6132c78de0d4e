// Command after stops the timeout of a request that was answered.
package main

import (
	"context"
	"time"

	"example.com/exercises/run"
)

// wait returns when the request is over or the time is.
func wait(ctx context.Context, timeout time.Duration) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func request(_, _ int) {
	ctx, answered := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- wait(ctx, time.Minute) }()
	run.Pause()
	answered()
	<-over
}

func main() {
	run.Ballast(64)
	run.Program{Rate: 120, Workers: 2, Unit: request}.Main()
}
