// Command before makes its keys with fmt, for which every number is put into an interface.
package main

import (
	"fmt"

	"example.com/exercises/run"
)

type cache struct{ bytes int }

func (c *cache) get(key string) { c.bytes += len(key) }

func (c *cache) profile(id int64) {
	c.get(key(id))
}

func key(id int64) string {
	return fmt.Sprintf("user:%d:profile", id) // finding: main.key
}

func main() {
	c := new(cache)
	run.Ballast(128)
	run.Program{Rate: 30000, Unit: func(_, n int) { c.profile(int64(n) + 1000) }}.Main()
}
