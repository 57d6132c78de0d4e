//go:build !cgo

package native

func Work() {}
