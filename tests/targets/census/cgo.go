//go:build cgo

package main

// static int one(void) { return 1; }
import "C"

func callC(n int) {
	for i := 0; i < n; i++ {
		C.one()
	}
}
