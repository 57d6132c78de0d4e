// Web is an HTTP service on the loopback whose requests allocate, send and start goroutines, or the load on one.
//
//	web serve          READY ADDRESS; every line on stdin is answered by "COUNT <time in nanoseconds since 1970>
//	                   <requests> <nanoseconds of CPU time>"
//	web load ADDRESS N READY; N connections ask one request after the other; a line "FROM TO" with two times is
//	                   answered by "TOOK N SUM P50 P99" of the requests that ended in between, in nanoseconds
//
// Both end with their stdin.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
)

func main() {
	stdin := bufio.NewScanner(os.Stdin)
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 1 && args[0] == "serve":
		err = serve(stdin)
	case len(args) == 3 && args[0] == "load":
		var connections int
		if connections, err = strconv.Atoi(args[2]); err == nil {
			err = load(stdin, args[1], connections)
		}
	default:
		err = fmt.Errorf("usage: web serve | web load ADDRESS CONNECTIONS")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}
