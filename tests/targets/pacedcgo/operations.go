package main

/*
#include <time.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// spin takes a number of nanoseconds, and returns how many it took.
static long long spin(long long takes) {
	long long began = now(), ended = began;
	while (ended - began < takes) ended = now();
	return ended - began;
}
*/
import "C"

import "time"

// call measures in C, without the transitions.
func call() {
	nanoseconds := C.spin(C.longlong(takes.Nanoseconds()))
	log.Add(time.Duration(nanoseconds))
}

// inexact is by how much a sleep may be too long.
const inexact = 200 * time.Microsecond

// newWait returns a send that waits for its receiver, who comes after a known time.
func newWait() func() {
	values, about := make(chan int), make(chan time.Duration, 1)
	go func() {
		for takes := range about {
			due := time.Now().Add(takes)
			if takes > inexact {
				time.Sleep(takes - inexact)
			}
			spinUntil(due)
			<-values
		}
	}()
	return func() {
		about <- *takes
		log.Add(wait(values))
	}
}

//go:noinline
func wait(values chan int) time.Duration {
	began := time.Now()
	values <- 1
	return time.Since(began)
}

// newSend returns a send to a channel with room. It is too short to be measured.
func newSend() func() {
	values := make(chan int, 1)
	return func() {
		send(values)
		<-values
	}
}

//go:noinline
func send(values chan int) {
	values <- 1
}
