package main

// sink keeps the compiler from leaving work out.
var sink uint64

// fold is small enough to be inlined where it is called.
func fold(sum uint64, n int) uint64 {
	for i := 0; i < n; i++ {
		sum = sum*6364136223846793005 + 1442695040888963407
	}
	return sum
}

// press holds a copy of fold.
//
//go:noinline
func press(n int) {
	sink += fold(sink, n)
}

// leaf has no frame of its own: it calls nothing and keeps everything in registers.
//
//go:noinline
func leaf(sum uint64, n int) uint64 {
	for ; n > 0; n-- {
		sum ^= sum << 13
		sum ^= sum >> 7
		sum ^= sum << 17
	}
	return sum
}

// turn is known as leaf's caller only by the word on top of the stack.
//
//go:noinline
func turn(n int) {
	sink += leaf(sink|1, n)
}

// mill has a method with a frame.
type mill struct {
	stones [64]uint64
}

//go:noinline
func (m *mill) grind(n int) {
	for ; n > 0; n-- {
		m.stones[n&63] += m.stones[(n+17)&63] ^ uint64(n)
	}
	sink += m.stones[0]
}

// roller returns a closure. Where it is inlined, the name of the closure depends on the version of Go.
//
//go:noinline
func roller(step uint64) func(int) {
	total := uint64(0)
	return func(n int) {
		for i := 0; i < n; i++ {
			total = total*31 + step
		}
		sink += total
	}
}

var from, to [1 << 16]byte

// haul spends its time in the runtime's memmove, an assembly function without a frame.
//
//go:noinline
func haul(n int) {
	for i := 0; i < n; i++ {
		from[i&0xff]++
		copy(to[:], from[:])
	}
	sink += uint64(to[0])
}
