//go:build go1.24

package main

import "runtime"

var versionOps = []*op{{site: "finalizer.cleanup", run: addCleanup}}

//go:noinline
func addCleanup() {
	runtime.AddCleanup(new(object), func(int) {}, 1) // site: finalizer.cleanup main.addCleanup
}
