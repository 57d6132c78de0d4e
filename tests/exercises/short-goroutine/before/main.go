// Command before validates requests with one goroutine per check, each of which is done before it was worth starting.
package main

import (
	"sync"
	"sync/atomic"

	"example.com/exercises/run"
	"example.com/exercises/short-goroutine/signup"
)

// Validator runs its checks side by side.
type Validator struct {
	checks []func(*signup.Request) bool
	failed atomic.Int64
}

func (v *Validator) validate(request *signup.Request) {
	var all sync.WaitGroup
	all.Add(len(v.checks))
	for _, check := range v.checks {
		go v.one(check, request, &all) // finding: main.(*Validator).validate
	}
	all.Wait()
}

func (v *Validator) one(check func(*signup.Request) bool, request *signup.Request, all *sync.WaitGroup) {
	defer all.Done()
	if !check(request) {
		v.failed.Add(1)
	}
}

func main() {
	validator := &Validator{checks: signup.Checks}
	run.Ballast(64)
	run.Program{Rate: 800, Unit: func(_, n int) { validator.validate(signup.Numbered(n)) }}.Main()
}
