package main

import (
	"context"
	"time"

	"example.com/truth/hub"
)

// Timers run for an hour: none fires, so that no goroutine and no send comes of them.
var timerGroup = &group{name: "timer", ops: []*op{
	{site: "timer.function", run: armFunction},
	{site: "timer.after-func", run: armAfterFunc},
	{site: "timer.ticker", run: armTicker},
	{site: "timer.after", run: armAfter, every: 10},
	{site: "timer.context", run: armContext},
	{site: "timer.pointer-method", run: (&armer{}).arm},
	{site: "timer.closure", run: newArmingClosure(time.Hour)},
	{site: "timer.generic", run: func() { armGeneric(time.Hour) }},
	{site: "timer.inlined", into: "main.startLeft", run: startLeft},
	{site: "timer.inlined", into: "main.startRight", run: startRight},
	{site: "timer.package", run: func() { hub.Arm().Stop() }},
	{site: "timer.deferred", run: armDeferred},
}}

var afterSink <-chan time.Time

//go:noinline
func armFunction() {
	timer := time.NewTimer(time.Hour) // site: timer.function main.armFunction
	timer.Stop()
}

func nothing() {}

//go:noinline
func armAfterFunc() {
	timer := time.AfterFunc(time.Hour, nothing) // site: timer.after-func main.armAfterFunc
	timer.Stop()
}

//go:noinline
func armTicker() {
	ticker := time.NewTicker(time.Hour) // site: timer.ticker main.armTicker
	ticker.Stop()
}

//go:noinline
func armAfter() {
	afterSink = time.After(time.Hour) // site: timer.after main.armAfter
}

//go:noinline
func armContext() {
	_, cancel := context.WithTimeout(context.Background(), time.Hour) // site: timer.context main.armContext
	cancel()
}

type armer struct{ timer *time.Timer }

//go:noinline
func (a *armer) arm() {
	a.timer = time.NewTimer(time.Hour) // site: timer.pointer-method main.(*armer).arm
	a.timer.Stop()
}

//go:noinline
func newArmingClosure(delay time.Duration) func() {
	return func() {
		timer := time.NewTimer(delay) // site: timer.closure main.newArmingClosure.func1
		timer.Stop()
	}
}

//go:noinline
func armGeneric[T ~int64](delay T) {
	timer := time.NewTimer(time.Duration(delay)) // site: timer.generic main.armGeneric[go.shape.int64]
	timer.Stop()
}

func start() *time.Timer {
	return time.NewTimer(time.Hour) // site: timer.inlined main.start into main.startLeft main.startRight
}

//go:noinline
func startLeft() { start().Stop() }

//go:noinline
func startRight() { start().Stop() }

//go:noinline
func armDeferred() { defer deferredArm() }

//go:noinline
func deferredArm() {
	timer := time.NewTimer(time.Hour) // site: timer.deferred main.deferredArm
	timer.Stop()
}
