// Command after keeps pointers in the map.
package main

import (
	"example.com/exercises/large-map-value/book"
	"example.com/exercises/run"
)

// table is a map with one way to look things up.
type table[K comparable, V any] struct{ rows map[K]*V }

func (t *table[K, V]) get(key K) (*V, bool) {
	value, ok := t.rows[key]
	return value, ok
}

func main() {
	t := &table[uint64, book.Position]{rows: make(map[uint64]*book.Position)}
	book.Filled(1024, func(id uint64, position *book.Position) { t.rows[id] = position })
	var total int64
	run.Program{Rate: 40000, Unit: func(_, n int) {
		if position, ok := t.get(uint64(n % 1024)); ok {
			total += position.Quantity
		}
	}}.Main()
}
