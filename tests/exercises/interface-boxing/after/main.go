// Command after makes its keys in a buffer, digit by digit.
package main

import (
	"strconv"

	"example.com/exercises/run"
)

type cache struct {
	bytes int
	key   []byte
}

func (c *cache) get(key []byte) { c.bytes += len(key) }

func (c *cache) profile(id int64) {
	c.key = append(c.key[:0], "user:"...)
	c.key = strconv.AppendInt(c.key, id, 10)
	c.key = append(c.key, ":profile"...)
	c.get(c.key)
}

func main() {
	c := new(cache)
	run.Ballast(128)
	run.Program{Rate: 30000, Unit: func(_, n int) { c.profile(int64(n) + 1000) }}.Main()
}
