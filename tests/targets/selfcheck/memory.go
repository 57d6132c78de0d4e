package main

import (
	"bytes"
	"fmt"
	"hash/crc64"
	"runtime"
)

var memory = []*part{
	{name: "copies", run: copies},
	{name: "clears", run: clears},
	{name: "maps", run: maps},
	{name: "slices", run: slices},
	{name: "stacks", run: func() string { return fmt.Sprint(deep(700, [16]int{}), onNewStack()) }},
	{name: "collections", run: collections},
}

// copies moves overlapping ranges of all sizes that `memmove` treats apart.
func copies() string {
	sum := uint64(0)
	for _, n := range []int{1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 128, 129, 255, 256, 257, 511, 2049} {
		buffer := noise(n + 40)
		copy(buffer[13:], buffer[:n])
		copy(buffer[:n], buffer[9:])
		sum = sum*31 + crc64.Checksum(buffer, iso)
	}
	return fmt.Sprint(sum)
}

func clears() string {
	var out []int
	for _, n := range []int{1, 8, 16, 33, 64, 100, 257, 1025, 4000} {
		buffer := bytes.Repeat([]byte{0xff}, n+2)
		inner := buffer[1 : n+1]
		for i := range inner {
			inner[i] = 0
		}
		out = append(out, bytes.Count(buffer, []byte{0}), int(buffer[0]), int(buffer[n+1]))
	}
	return fmt.Sprint(out)
}

type place struct {
	x, y int32
	name string
}

func maps() string {
	ints, texts, places, wide := map[int]int{}, map[string]int{}, map[place]int{}, map[[3]uint64][20]int{}
	for i := 0; i < 120; i++ {
		ints[i*i] += i
		texts[fmt.Sprint(i%50)] += i
		places[place{int32(i % 9), int32(i % 5), "here"}]++
		wide[[3]uint64{uint64(i % 20), 1, 2}] = [20]int{i}
		if i%3 == 0 {
			delete(ints, i)
		}
	}
	sum := 0
	for key, value := range ints {
		sum += key ^ value
	}
	for key, value := range wide {
		sum += int(key[0]) * value[0]
	}
	_, missing := texts["none"]
	return fmt.Sprint(sum, len(ints), texts, missing, places, len(wide))
}

func slices() string {
	var grown []int
	var nested [][]string
	for i := 0; i < 200; i++ {
		grown = append(grown, i*i)
		if i%20 == 0 {
			nested = append(nested, []string{prose[:i%len(prose)]}, nil)
		}
	}
	grown = append(grown[:50], grown[100:]...)
	array := (*[10]int)(grown[3:])
	return fmt.Sprint(grown, nested, array, cap(grown[5:10:20]))
}

// deep needs a stack that grows several times.
//
//go:noinline
func deep(n int, frame [16]int) int {
	if n == 0 {
		return frame[3]
	}
	frame[n%16] = n
	return deep(n-1, frame) + frame[n%7]
}

func onNewStack() int {
	result := make(chan int)
	go func() { result <- deep(300, [16]int{5}) }()
	return <-result
}

type tree struct {
	left, right *tree
	value       int
}

func grow(depth int) *tree {
	if depth == 0 {
		return nil
	}
	return &tree{grow(depth - 1), grow(depth - 1), depth}
}

func (t *tree) sum() int {
	if t == nil {
		return 0
	}
	return t.value + t.left.sum() + t.right.sum()
}

func collections() string {
	kept := grow(8)
	finalized := make(chan int, 1)
	func() {
		object := &tree{value: 42}
		runtime.SetFinalizer(object, func(t *tree) { finalized <- t.value })
	}()
	for i := 0; ; i++ {
		runtime.GC()
		select {
		case value := <-finalized:
			return fmt.Sprint(kept.sum(), value)
		default:
		}
		runtime.Gosched()
	}
}
