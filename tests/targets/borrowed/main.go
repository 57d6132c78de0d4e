// Borrowed logs through a module that somebody else wrote, ten thousand lines a second. It ends with its stdin.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"example.com/logs"
)

func main() {
	go serve()
	fmt.Println("READY")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func serve() {
	for range time.Tick(10 * time.Millisecond) {
		for i := 0; i < 100; i++ {
			handle()
		}
	}
}

//go:noinline
func handle() {
	logs.Info()
}
