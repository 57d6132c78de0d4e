// Command frames prints what the Go runtime says about addresses in its own text.
//
// Input: a line "main <hex>" with the address of main.main as the file states it, then one return address
// per line, in hexadecimal, as the file states them. Output: per address one line of tab-separated fields:
// the address, then function, file and line of each frame, innermost first.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	_ "unsafe"

	"example.com/frames/deep"
	"example.com/frames/grammar"
	"example.com/frames/later"
	"example.com/frames/native"
	"example.com/frames/shape"
)

// expand adds the frames that were inlined at the last address of a stack.
//
//go:linkname expand runtime/pprof.runtime_expandFinalInlineFrame
func expand(stack []uintptr) []uintptr

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	work()
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	bias := uintptr(0)
	for in.Scan() {
		if text, ok := strings.CutPrefix(in.Text(), "main "); ok {
			stated, err := strconv.ParseUint(text, 16, 64)
			if err != nil {
				return err
			}
			bias = reflect.ValueOf(main).Pointer() - uintptr(stated)
			continue
		}
		pc, err := strconv.ParseUint(in.Text(), 16, 64)
		if err != nil {
			return err
		}
		print(out, pc, bias)
	}
	return in.Err()
}

func print(out *bufio.Writer, pc uint64, bias uintptr) {
	fmt.Fprintf(out, "%x", pc)
	frames := runtime.CallersFrames(expand([]uintptr{uintptr(pc) + bias}))
	for {
		frame, more := frames.Next()
		fmt.Fprintf(out, "\t%s\t%s\t%d", frame.Function, frame.File, frame.Line)
		if !more {
			break
		}
	}
	fmt.Fprintln(out)
}

// work keeps the code that is looked up from being dropped by the linker.
func work() {
	shape.Work()
	deep.Work()
	later.Work()
	grammar.Work()
	native.Work()
}
