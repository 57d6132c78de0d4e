package main

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
)

var control = []*part{
	{name: "panics", run: panics},
	{name: "defers", run: defers},
	{name: "closures", run: closures},
	{name: "interfaces", run: interfaces},
	{name: "exits", run: exits},
	{name: "errors", run: wrapped},
}

// caught returns what a function panics with; some of it comes as a signal.
func caught(run func()) (message string) {
	defer func() { message = fmt.Sprint(recover()) }()
	run()
	return "nothing"
}

var zero, five = 0, 5

func panics() string {
	var none *record
	var unset map[string]int
	var anything any = "text"
	array := []int{1, 2, 3}
	return caught(func() { array[five]++ }) + caught(func() { none.Sizes = array }) +
		caught(func() { array[0] /= zero }) + caught(func() { unset["a"] = 1 }) +
		caught(func() { _ = anything.(int) }) + caught(func() { _ = array[five:] }) +
		caught(func() { _ = make([]int, zero-1) }) + caught(func() { close((chan int)(nil)) }) +
		caught(func() { panic(errors.New("own")) }) + caught(func() {})
}

func defers() (out string) {
	for i := 0; i < 5; i++ {
		defer func(n int) { out += fmt.Sprint(n) }(i)
	}
	func() {
		defer func() {
			out += fmt.Sprint(recover())
			defer func() { out += fmt.Sprint(recover()) }()
			panic("second")
		}()
		defer func() { panic("instead") }()
		panic("first")
	}()
	return "never"
}

func closures() string {
	counters := make([]func() int, 3)
	for i := range counters {
		n := i
		counters[i] = func() int { n += 10; return n }
	}
	sum := 0
	for round := 0; round < 4; round++ {
		for _, count := range counters {
			sum = sum*3 + count()
		}
	}
	var fibonacci func(n int) int
	fibonacci = func(n int) int {
		if n < 2 {
			return n
		}
		return fibonacci(n-1) + fibonacci(n-2)
	}
	return fmt.Sprint(sum, fibonacci(11))
}

type shape interface{ area() float64 }
type square struct{ side float64 }
type circle struct{ radius float64 }

func (s square) area() float64  { return s.side * s.side }
func (c *circle) area() float64 { return 3 * c.radius * c.radius }

func interfaces() string {
	sum := 0.0
	for i := 0; i < 30; i++ {
		var one shape = square{float64(i)}
		if i%3 == 0 {
			one = &circle{float64(i)}
		}
		switch one := one.(type) {
		case square:
			sum += one.side
		case *circle:
			sum -= one.radius
		}
		sum += one.area()
	}
	var same, other any = square{2}, square{2}
	return fmt.Sprint(sum, same == other, same == any(2))
}

func exits() string {
	ended := make(chan string, 1)
	go func() {
		defer func() { ended <- fmt.Sprint("ended ", recover()) }()
		runtime.LockOSThread()
		runtime.Goexit()
	}()
	return <-ended
}

func wrapped() string {
	err := fmt.Errorf("outer: %w", &fs.PathError{Op: "open", Path: "/none", Err: fs.ErrNotExist})
	var path *fs.PathError
	return fmt.Sprint(err, errors.Is(err, fs.ErrNotExist), errors.As(err, &path), errors.Join(err, errors.New("more")))
}
