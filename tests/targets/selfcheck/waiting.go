package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

var waiting = []*part{
	{name: "pipeline", run: pipeline},
	{name: "select", run: selects},
	{name: "locks", run: locks},
	{name: "timers", run: timers},
	{name: "contexts", run: contexts},
	{name: "pipe", run: pipe},
}

func pipeline() string {
	numbers, squares := make(chan int), make(chan int, 3)
	go func() {
		defer close(numbers)
		for i := 0; i < 60; i++ {
			numbers <- i
		}
	}()
	var workers sync.WaitGroup
	for i := 0; i < 4; i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := range numbers {
				squares <- n * n
			}
		}()
	}
	go func() {
		workers.Wait()
		close(squares)
	}()
	sum := 0
	for square := range squares {
		sum += square
	}
	left, open := <-squares
	return fmt.Sprint(sum, left, open)
}

func selects() string {
	a, b, never := make(chan int), make(chan string), make(chan bool)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < 20; i++ {
			select {
			case a <- i:
			case <-never:
			}
			b <- fmt.Sprint(i)
		}
	}()
	sum, text, polls := 0, "", 0
	for running := true; running; {
		select {
		case n := <-a:
			sum += n
		case s := <-b:
			text += s
		case <-done:
			running = false
		}
		select {
		case <-never:
			polls = -1
		default:
		}
	}
	return fmt.Sprint(sum, text, polls)
}

func locks() string {
	var (
		plain   sync.Mutex
		shared  sync.RWMutex
		counted atomic.Int64
		ready   = sync.NewCond(&plain)
		once    sync.Once
		all     sync.WaitGroup
		table   sync.Map
		pool    = sync.Pool{New: func() any { return new([64]byte) }}
		sum     int
	)
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for n := 0; n < 10; n++ {
				plain.Lock()
				sum += i
				plain.Unlock()
				shared.RLock()
				counted.Add(int64(n))
				shared.RUnlock()
				buffer := pool.Get().(*[64]byte)
				buffer[i]++
				pool.Put(buffer)
				table.Store(n, i-i+n)
			}
			once.Do(func() { counted.Add(1000) })
			plain.Lock()
			ready.Broadcast()
			plain.Unlock()
		}(i)
	}
	plain.Lock()
	for sum != 280 {
		ready.Wait()
	}
	plain.Unlock()
	all.Wait()
	stored, _ := table.Load(7)
	return fmt.Sprint(sum, counted.Load(), stored)
}

func timers() string {
	fired := make(chan int, 2)
	time.AfterFunc(100*time.Microsecond, func() { fired <- 1 })
	stopped := time.AfterFunc(time.Hour, func() { fired <- 100 })
	ticker := time.NewTicker(50 * time.Microsecond)
	<-ticker.C
	<-ticker.C
	ticker.Stop()
	time.Sleep(10 * time.Microsecond)
	return fmt.Sprint(stopped.Stop(), <-fired, (<-time.After(time.Microsecond)).IsZero())
}

func contexts() string {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), "key", 7))
	child, stop := context.WithTimeout(ctx, time.Hour)
	defer stop()
	go cancel()
	<-child.Done()
	return fmt.Sprint(child.Err(), child.Value("key"), errors.Is(context.Cause(child), context.Canceled))
}

func pipe() string {
	reader, writer := io.Pipe()
	go func() {
		for i := 0; i < 5; i++ {
			fmt.Fprintf(writer, "line %d\n", i)
		}
		writer.CloseWithError(io.ErrUnexpectedEOF)
	}()
	all, err := io.ReadAll(reader)
	return fmt.Sprint(string(all), err)
}
