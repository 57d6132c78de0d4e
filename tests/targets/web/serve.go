package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

var requests atomic.Uint64

// reply is what a request allocates for; its handler also starts a goroutine, which sends.
type reply struct {
	ID    int
	Names []string
}

func serve(stdin *bufio.Scanner) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- http.Serve(listener, http.HandlerFunc(answer)) }()
	fmt.Println("READY", listener.Addr())
	for stdin.Scan() {
		fmt.Println("COUNT", time.Now().UnixNano(), requests.Load(), cpuTime())
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func answer(w http.ResponseWriter, _ *http.Request) {
	names := make(chan string, 8)
	go name(names)
	made := reply{ID: 1}
	for name := range names {
		made.Names = append(made.Names, name)
	}
	json.NewEncoder(w).Encode(made)
	requests.Add(1)
}

// name sends 8 names.
func name(names chan<- string) {
	for i := 0; i < cap(names); i++ {
		names <- fmt.Sprint("name ", i)
	}
	close(names)
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
