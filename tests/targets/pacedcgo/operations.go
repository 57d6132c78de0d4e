package main

/*
#include <time.h>

static long long now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

// spin takes a number of nanoseconds.
static void spin(long long takes) {
	long long began = now();
	while (now() - began < takes) {
	}
}
*/
import "C"

import "time"

func call() {
	began := time.Now()
	C.spin(C.longlong(takes.Nanoseconds()))
	log.Add(time.Since(began))
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
