// Command after validates requests in the goroutine that has them.
package main

import (
	"sync/atomic"

	"example.com/exercises/run"
	"example.com/exercises/short-goroutine/signup"
)

// Validator runs its checks one after the other.
type Validator struct {
	checks []func(*signup.Request) bool
	failed atomic.Int64
}

func (v *Validator) validate(request *signup.Request) {
	for _, check := range v.checks {
		if !check(request) {
			v.failed.Add(1)
		}
	}
}

func main() {
	validator := &Validator{checks: signup.Checks}
	run.Ballast(64)
	run.Program{Rate: 800, Unit: func(_, n int) { validator.validate(signup.Numbered(n)) }}.Main()
}
