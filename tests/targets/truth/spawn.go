package main

import (
	"sync"

	"example.com/truth/hub"
)

// Each operation waits for its goroutine. None of them is inlined: Go never inlines a function with a go statement.
var goGroup = &group{name: "go", ops: []*op{
	{site: "go.function", run: spawnFunction},
	{site: "go.pointer-method", run: func() { someSpawner.spawn() }},
	{site: "go.value-method", run: func() { valueSpawner{&someSpawner}.spawn() }},
	{site: "go.interface", run: func() { anySpawner.spawn() }},
	{site: "go.closure", run: newSpawningClosure()},
	{site: "go.generic", run: func() { spawnGeneric(&spawned) }},
	{site: "go.package", run: func() { spawned.Add(1); hub.Spawn(&spawned); spawned.Wait() }},
	{site: "go.deferred", run: spawnDeferred},
	{site: "go.nested", run: spawnNested},
}}

var spawned sync.WaitGroup

func oneDone() { spawned.Done() }

//go:noinline
func spawnFunction() {
	spawned.Add(1)
	go oneDone() // site: go.function main.spawnFunction
	spawned.Wait()
}

type spawner struct{ done sync.WaitGroup }

var someSpawner spawner

//go:noinline
func (s *spawner) spawn() {
	s.done.Add(1)
	go s.done.Done() // site: go.pointer-method main.(*spawner).spawn
	s.done.Wait()
}

type valueSpawner struct{ to *spawner }

//go:noinline
func (s valueSpawner) spawn() {
	s.to.done.Add(1)
	go s.to.done.Done() // site: go.value-method main.valueSpawner.spawn
	s.to.done.Wait()
}

type interfaceSpawner struct{ done sync.WaitGroup }

var anySpawner interface{ spawn() } = &interfaceSpawner{}

//go:noinline
func (s *interfaceSpawner) spawn() {
	s.done.Add(1)
	go s.done.Done() // site: go.interface main.(*interfaceSpawner).spawn
	s.done.Wait()
}

//go:noinline
func newSpawningClosure() func() {
	var done sync.WaitGroup
	return func() {
		done.Add(1)
		go done.Done() // site: go.closure main.newSpawningClosure.func1
		done.Wait()
	}
}

type waiter interface {
	Add(int)
	Done()
	Wait()
}

//go:noinline
func spawnGeneric[T waiter](done T) {
	done.Add(1)
	go done.Done() // site: go.generic main.spawnGeneric[go.shape.*uint8]
	done.Wait()
}

//go:noinline
func spawnDeferred() {
	spawned.Add(1)
	func() { defer deferredSpawn() }()
	spawned.Wait()
}

//go:noinline
func deferredSpawn() {
	go oneDone() // site: go.deferred main.deferredSpawn
}

//go:noinline
func spawnNested() {
	spawned.Add(1)
	go nestedBody()
	spawned.Wait()
}

//go:noinline
func nestedBody() {
	go oneDone() // site: go.nested main.nestedBody
}
