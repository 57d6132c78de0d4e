// Census keeps goroutines in every state that a program can put them in, and says what its own runtime
// says of them.
//
// It prints "READY", then answers each line on standard input with one line of JSON, or with the text of a
// goroutine profile and a line "end".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

func main() {
	crowd := 0
	if len(os.Args) > 1 {
		crowd, _ = strconv.Atoi(os.Args[1])
	}
	populate()
	for i := 0; i < crowd; i++ {
		go inCrowd(i)
	}
	// Once everybody waits, collections note since when.
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	runtime.GC()
	fmt.Println("READY")
	input := bufio.NewScanner(os.Stdin)
	for input.Scan() {
		answer(strings.Fields(input.Text()))
	}
}

func answer(command []string) {
	if len(command) == 0 {
		return
	}
	switch command[0] {
	case "goroutines":
		_ = pprof.Lookup("goroutine").WriteTo(os.Stdout, 2)
		fmt.Println("\nend")
	case "counters":
		print(counters())
	case "settings":
		print(settings(command[1:]))
	case "work":
		print(work(command[1:]))
	case "heap":
		print(heap())
	}
}

func print(value any) {
	_ = json.NewEncoder(os.Stdout).Encode(value)
}
