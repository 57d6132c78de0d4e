// Package orders keeps what has been ordered.
package orders

import "sync"

// Order is one line in the book.
type Order struct {
	ID       uint64 `json:"id"`
	Customer string `json:"customer"`
	Items    []Item `json:"items"`
	Sum      uint64 `json:"sum"`
}

// Item is part of an order.
type Item struct {
	Article string `json:"article"`
	Amount  int    `json:"amount"`
}

// Book holds the open orders, the newest kept ones only.
type Book struct {
	mu      sync.RWMutex
	open    map[uint64]*Order
	next    uint64
	settled uint64
}

const kept = 2000

// NewBook returns an empty book.
func NewBook() *Book { return &Book{open: map[uint64]*Order{}} }

// Add enters an order and returns its number.
func (b *Book) Add(order *Order) uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	order.ID = b.next
	b.open[order.ID] = order
	if order.ID > kept {
		delete(b.open, order.ID-kept)
	}
	return order.ID
}

// Get returns a copy of an open order.
func (b *Book) Get(id uint64) (Order, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	order, ok := b.open[id]
	if !ok {
		return Order{}, false
	}
	return *order, true
}

// Settle writes the checksum of the order's payload into it.
func (b *Book) Settle(id, sum uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if order, ok := b.open[id]; ok {
		order.Sum = sum
	}
	b.settled++
}

// Len returns the number of open orders.
func (b *Book) Len() int {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.open)
}

// Settled returns how many orders have been settled.
func (b *Book) Settled() uint64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.settled
}
