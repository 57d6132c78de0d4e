//go:build !go1.24

package main

// runtime.AddCleanup exists since Go 1.24.
var versionOps []*op
