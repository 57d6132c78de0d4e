// Command alike is a server with a goroutine per connection, which come one by one.
package main

import (
	"io"
	"net"

	"example.com/exercises/run"
)

// echo is a server of one line.
type echo struct{ listener net.Listener }

func (e *echo) serve() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			return
		}
		go e.answer(conn)
	}
}

func (e *echo) answer(conn net.Conn) {
	defer conn.Close()
	if _, err := io.Copy(conn, conn); err != nil {
		run.Fail("echo: %v", err)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		run.Fail("listen: %v", err)
	}
	server := &echo{listener: listener}
	go server.serve()
	address := listener.Addr().String()
	run.Ballast(64)
	run.Program{Rate: 60, Unit: func(_, _ int) { call(address) }}.Main()
}

func call(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		run.Fail("dial: %v", err)
	}
	defer conn.Close()
	line := []byte("hello\n")
	if _, err := conn.Write(line); err != nil {
		run.Fail("write: %v", err)
	}
	if _, err := io.ReadFull(conn, line); err != nil {
		run.Fail("read: %v", err)
	}
}
