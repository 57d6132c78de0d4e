// Command after hashes all records in one call of C.
package main

/*
static void hash_all(const char *at, int length, int n, unsigned long long *out) {
	for (int k = 0; k < n; k++) {
		unsigned long long h = 1469598103934665603ull;
		for (int i = 0; i < length; i++) h = (h ^ (unsigned char)at[k * length + i]) * 1099511628211ull;
		out[k] = h;
	}
}
*/
import "C"

import (
	"bytes"
	"unsafe"

	"example.com/exercises/run"
)

const size = 16

type digest struct {
	records []byte
	sums    []uint64
}

func (d *digest) all(_, _ int) {
	C.hash_all((*C.char)(unsafe.Pointer(&d.records[0])), size, C.int(len(d.sums)), (*C.ulonglong)(unsafe.Pointer(&d.sums[0])))
}

func main() {
	d := &digest{sums: make([]uint64, 64)}
	d.records = bytes.Repeat([]byte("0123456789abcdef"), len(d.sums))
	run.Ballast(64)
	run.Program{Rate: 500, Unit: d.all}.Main()
}
