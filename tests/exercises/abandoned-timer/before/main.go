// Command before gives each request a long timeout of its own and forgets about it when the request is answered.
package main

import (
	"context"
	"time"

	"example.com/exercises/run"
)

// wait returns when the request is over or the time is.
func wait(ctx context.Context, timeout time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(timeout): // finding: main.wait
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
