// Package book holds positions.
package book

// Position has 256 bytes.
type Position struct {
	Symbol   [32]byte
	Quantity int64
	Price    float64
	Limits   [26]int64
}

// Filled calls put with n positions.
func Filled(n int, put func(id uint64, position *Position)) {
	for i := 0; i < n; i++ {
		put(uint64(i), &Position{Quantity: int64(i), Price: 9.5})
	}
}
