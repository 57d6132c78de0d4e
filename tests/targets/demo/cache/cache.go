// Package cache is a bounded cache for values of any type.
package cache

import "sync"

// Cache forgets its oldest entry when it is full.
type Cache[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]*V
	order   []K
	limit   int
}

// New returns an empty cache of at most limit entries.
func New[K comparable, V any](limit int) *Cache[K, V] {
	return &Cache[K, V]{entries: map[K]*V{}, limit: limit}
}

// Get returns the entry under key, made by load where there is none.
func (c *Cache[K, V]) Get(key K, load func(K) V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if entry, ok := c.entries[key]; ok {
		return *entry
	}
	value := load(key)
	c.entries[key] = &value
	c.order = append(c.order, key)
	if len(c.order) > c.limit {
		delete(c.entries, c.order[0])
		c.order = c.order[1:]
	}
	return value
}
