// Hostile is a program whose symbols and file names try to take over whoever prints them: terminal escapes, HTML,
// quotes, bidirectional overrides, lines as long as files. It sends on channels at places with such names, and prints
// those names, and the files and lines as Go's own runtime reads them.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"syscall"
	"time"
)

var (
	n    = flag.Int("n", 1000, "sends per call site")
	wait = flag.Bool("wait", false, "start after a line on stdin, and stay until stdin ends")
)

var inbox = make(chan int, 64)

type site struct {
	Site        string  `json:"site"`
	Probe       string  `json:"probe"`
	Function    string  `json:"function"`
	File        string  `json:"file"`
	Line        int     `json:"line"`
	InlinedInto *string `json:"inlined_into"`
	Count       int     `json:"count"`
	Completed   int     `json:"completed"`
}

func main() {
	flag.Parse()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() { <-signals; os.Exit(0) }()
	go func() {
		for range inbox {
		}
	}()
	fmt.Println("READY")
	stdin := bufio.NewReader(os.Stdin)
	if *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	began := time.Now()
	for i := 0; i < *n; i++ {
		for _, named := range sends {
			named.send()
		}
	}
	report(time.Since(began))
	for *wait {
		if _, err := stdin.ReadString('\n'); err != nil {
			return
		}
	}
}

// report names each site by the first line of its function, which is the line of the send.
func report(elapsed time.Duration) {
	var sites []site
	for _, named := range sends {
		pc := reflect.ValueOf(named.send).Pointer()
		file, line := runtime.FuncForPC(pc).FileLine(pc)
		sites = append(sites, site{named.function, "chan-send", named.function, file, line, nil, *n, *n})
	}
	out := json.NewEncoder(os.Stdout)
	if out.Encode(map[string]any{
		"go": runtime.Version(), "elapsed_ns": elapsed.Nanoseconds(), "sites": sites,
	}) != nil {
		os.Exit(1)
	}
}
