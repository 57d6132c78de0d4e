// Package hub holds call sites outside package main.
package hub

import (
	"embed"
	"runtime"
	"sync"
	"time"
)

// Sources lets the program find the lines of the markers.
//
//go:embed *.go
var Sources embed.FS

// File returns the path of this file as the compiler recorded it.
func File() string {
	_, file, _, _ := runtime.Caller(0)
	return file
}

// Hub passes values on.
type Hub struct{ C chan int }

// Broadcast sends from another package.
//
//go:noinline
func (h *Hub) Broadcast() {
	h.C <- 1 // site: chan.package example.com/truth/hub.(*Hub).Broadcast
}

// Post is small enough to be inlined across the package's border.
func Post(c chan int) {
	c <- 1 // site: chan.package-inlined example.com/truth/hub.Post into main.postFromMain
}

// Page escapes through Sink.
type Page struct{ bytes [200]byte }

// Sink keeps what was allocated last.
var Sink *Page

// NewPage allocates in another package.
//
//go:noinline
func NewPage() {
	Sink = new(Page) // site: alloc.package example.com/truth/hub.NewPage
}

// Spawn starts a goroutine in another package.
//
//go:noinline
func Spawn(done *sync.WaitGroup) {
	go done.Done() // site: go.package example.com/truth/hub.Spawn
}

// Arm starts a timer in another package.
//
//go:noinline
func Arm() *time.Timer {
	return time.NewTimer(time.Hour) // site: timer.package example.com/truth/hub.Arm
}

// ReadStats stops the world in another package.
//
//go:noinline
func ReadStats(stats *runtime.MemStats) {
	runtime.ReadMemStats(stats) // site: memstats.package example.com/truth/hub.ReadStats
}
