// Demo is a small order service with its own clients: something for rtprobe to look at.
//
// It listens on loopback only, keeps its load bounded, and ends by itself: after -duration, on SIGTERM or SIGINT,
// and when its stdin ends.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"example.com/demo/api"
	"example.com/demo/checksum"
	"example.com/demo/load"
	"example.com/demo/metrics"
	"example.com/demo/orders"
	"example.com/demo/pool"
)

var (
	duration = flag.Duration("duration", 120*time.Second, "end after this long")
	rate     = flag.Int("rate", 400, "requests per second from the service's own clients")
	workers  = flag.Int("workers", 4, "size of the worker pool")
)

func main() {
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, *duration)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := serve(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	book := orders.NewBook()
	workers := pool.New(*workers, func(job pool.Job) { book.Settle(job.Order, checksum.Of(job.Payload)) })
	server := &http.Server{Handler: api.New(book, workers).Handler()}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	go metrics.Loop(ctx, 250*time.Millisecond, book.Len)

	fmt.Printf("READY %s (%s)\n", listener.Addr(), checksum.Implementation)
	result := load.Run(ctx, "http://"+listener.Addr().String(), *rate)

	ending, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return err
	}
	workers.Close()
	if err := <-served; err != http.ErrServerClosed {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"requests": result.Requests, "failed": result.Failed,
		"settled": book.Settled(), "open": book.Len(), "memory_readings": metrics.Readings(),
	})
}
