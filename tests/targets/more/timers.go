package main

import "time"

var timerOps = []*op{
	{site: "fire.stopped", run: startAndStop, noted: true},
	{site: "stop.pending", run: func() { stopPending(time.NewTimer(time.Hour)) }, unnoted: true},
	{site: "stop.late", run: func() { stopLate(firedTimer()) }, noted: true},
	{site: "fire.fired", run: func() { startAndFire() }, unnoted: true},
	{site: "fire.function", run: startFunction, unnoted: true},
	{site: "fire.function-stopped", run: stopFunction, noted: true},
}

//go:noinline
func startAndStop() {
	timer := time.NewTimer(time.Hour) // site: fire.stopped main.startAndStop
	timer.Stop()
}

//go:noinline
func stopPending(timer *time.Timer) {
	timer.Stop() // site: stop.pending main.stopPending
}

func firedTimer() *time.Timer {
	timer := time.NewTimer(time.Microsecond)
	<-timer.C
	return timer
}

//go:noinline
func stopLate(timer *time.Timer) {
	timer.Stop() // site: stop.late main.stopLate
}

//go:noinline
func startAndFire() {
	timer := time.NewTimer(time.Microsecond) // site: fire.fired main.startAndFire
	<-timer.C
}

//go:noinline
func startFunction() {
	done := make(chan int)
	time.AfterFunc(time.Microsecond, func() { close(done) }) // site: fire.function main.startFunction
	<-done
}

//go:noinline
func stopFunction() {
	done := make(chan int)
	timer := time.AfterFunc(time.Hour, func() { close(done) }) // site: fire.function-stopped main.stopFunction
	timer.Stop()
}
