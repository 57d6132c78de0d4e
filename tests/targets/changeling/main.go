// Changeling sends on a channel until a line comes on stdin, and then becomes another program or ends as it was told.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

var (
	become   = flag.String("become", "", "command to execute, its words separated by spaces; self: this program without options")
	exit     = flag.Int("exit", 0, "code to end with")
	stubborn = flag.Bool("stubborn", false, "ignore SIGTERM")
	now      = flag.Bool("now", false, "don't wait for the line")
)

var inbox = make(chan int, 16)

func main() {
	flag.Parse()
	if *stubborn {
		signal.Ignore(syscall.SIGTERM)
	}
	go func() {
		for range inbox {
		}
	}()
	go func() {
		for {
			inbox <- 1
			time.Sleep(time.Millisecond)
		}
	}()
	fmt.Printf("READY uid %d gid %d groups %v\n", os.Getuid(), os.Getgid(), groups())
	if !*now {
		if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
			os.Exit(1)
		}
	}
	if *become != "" {
		turn(*become)
	}
	os.Exit(*exit)
}

func groups() []int {
	groups, err := os.Getgroups()
	if err != nil {
		fail(err)
	}
	return groups
}

func turn(into string) {
	words := strings.Fields(into)
	if into == "self" {
		self, err := os.Executable()
		if err != nil {
			fail(err)
		}
		words = []string{self}
	}
	fail(syscall.Exec(words[0], words, os.Environ()))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
