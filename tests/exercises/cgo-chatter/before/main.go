// Command before hashes records one by one in C, which takes less time than getting there.
package main

/*
static unsigned long long hash(const char *at, int length) {
	unsigned long long h = 1469598103934665603ull;
	for (int i = 0; i < length; i++) h = (h ^ (unsigned char)at[i]) * 1099511628211ull;
	return h;
}
*/
import "C"

import (
	"unsafe"

	"example.com/exercises/run"
)

type digest struct {
	records [][]byte
	sums    []uint64
}

func (d *digest) all(_, _ int) {
	for i, record := range d.records {
		d.sums[i] = uint64(C.hash((*C.char)(unsafe.Pointer(&record[0])), C.int(len(record)))) // finding: main.(*digest).all
	}
}

func main() {
	d := &digest{sums: make([]uint64, 64)}
	for range d.sums {
		d.records = append(d.records, []byte("0123456789abcdef"))
	}
	run.Ballast(64)
	run.Program{Rate: 500, Unit: d.all}.Main()
}
