package main

import (
	"reflect"
	"sync"

	"example.com/truth/hub"
)

var (
	inbox      = make(chan int, 1024)
	rendezvous = make(chan int)
	closed     = make(chan int)
)

// startReceivers empties the channels that the operations send on.
func startReceivers() {
	for _, c := range []chan int{inbox, rendezvous} {
		c := c
		go func() {
			for range c {
			}
		}()
	}
	close(closed)
}

var chanGroup = &group{name: "chan", ops: []*op{
	{site: "chan.function", run: sendFunction},
	{site: "chan.pointer-method", run: (&pointerSender{c: inbox}).send},
	{site: "chan.value-method", run: func() { someValueSender.send() }},
	{site: "chan.interface", run: func() { someSender.send() }},
	{site: "chan.closure", run: newSendingClosure(inbox)},
	{site: "chan.generic", run: func() { sendGeneric(inbox, 1) }},
	{site: "chan.generic-method", run: func() { intBox.send(1) }},
	{site: "chan.inlined", into: "main.offerLeft", run: offerLeft},
	{site: "chan.inlined", into: "main.offerRight", run: offerRight},
	{site: "chan.inlined-twice", into: "main.deepCaller", run: deepCaller},
	{site: "chan.package", run: (&hub.Hub{C: inbox}).Broadcast},
	{site: "chan.package-inlined", into: "main.postFromMain", run: postFromMain},
	{site: "chan.deferred", run: sendDeferred},
	{site: "chan.deferred-closure", run: sendDeferredClosure},
	{site: "chan.goroutine", run: sendFromGoroutine, every: 10},
	{site: "chan.non-blocking", run: sendNonBlocking},
	{site: "chan.unbuffered", run: sendUnbuffered},
	{site: "chan.reflect", run: sendReflect},
	{site: "chan.panics", run: sendOnClosed, every: 10, panics: true},
}}

//go:noinline
func sendFunction() {
	inbox <- 1 // site: chan.function main.sendFunction
}

type pointerSender struct{ c chan int }

//go:noinline
func (s *pointerSender) send() {
	s.c <- 1 // site: chan.pointer-method main.(*pointerSender).send
}

type valueSender struct {
	c   chan int
	pad [3]int
}

var someValueSender = valueSender{c: inbox}

//go:noinline
func (s valueSender) send() {
	s.c <- s.pad[0] // site: chan.value-method main.valueSender.send
}

type sender interface{ send() }

type interfaceSender struct{ c chan int }

var someSender sender = &interfaceSender{c: inbox}

//go:noinline
func (s *interfaceSender) send() {
	s.c <- 1 // site: chan.interface main.(*interfaceSender).send
}

//go:noinline
func newSendingClosure(c chan int) func() {
	return func() {
		c <- 1 // site: chan.closure main.newSendingClosure.func1
	}
}

//go:noinline
func sendGeneric[T any](c chan T, value T) {
	c <- value // site: chan.generic main.sendGeneric[go.shape.int]
}

type box[T any] struct{ c chan T }

var intBox = &box[int]{c: inbox}

//go:noinline
func (b *box[T]) send(value T) {
	b.c <- value // site: chan.generic-method main.(*box[go.shape.int]).send
}

func offer(c chan int) {
	c <- 1 // site: chan.inlined main.offer into main.offerLeft main.offerRight
}

//go:noinline
func offerLeft() { offer(inbox) }

//go:noinline
func offerRight() { offer(inbox) }

func deepInner(c chan int) {
	c <- 1 // site: chan.inlined-twice main.deepInner into main.deepCaller
}

func deepMiddle(c chan int) { deepInner(c) }

//go:noinline
func deepCaller() { deepMiddle(inbox) }

//go:noinline
func postFromMain() { hub.Post(inbox) }

//go:noinline
func sendDeferred() { defer deferredSend() }

//go:noinline
func deferredSend() {
	inbox <- 1 // site: chan.deferred main.deferredSend
}

//go:noinline
func sendDeferredClosure() {
	defer func() {
		inbox <- 1 // site: chan.deferred-closure main.sendDeferredClosure.func1
	}()
}

func sendFromGoroutine() {
	var done sync.WaitGroup
	done.Add(1)
	go goroutineBody(&done)
	done.Wait()
}

// Inlined, it would be part of the wrapper that carries its argument.
//
//go:noinline
func goroutineBody(done *sync.WaitGroup) {
	inbox <- 1 // site: chan.goroutine main.goroutineBody
	done.Done()
}

//go:noinline
func sendNonBlocking() {
	select {
	case inbox <- 1: // site: chan.non-blocking main.sendNonBlocking
	default:
	}
}

//go:noinline
func sendUnbuffered() {
	rendezvous <- 1 // site: chan.unbuffered main.sendUnbuffered
}

var reflectedInbox, reflectedOne = reflect.ValueOf(inbox), reflect.ValueOf(1)

//go:noinline
func sendReflect() {
	reflectedInbox.Send(reflectedOne) // site: chan.reflect main.sendReflect
}

//go:noinline
func sendOnClosed() {
	defer func() { _ = recover() }()
	closed <- 1 // site: chan.panics main.sendOnClosed
}
