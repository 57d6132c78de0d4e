// Command alike reads JSON, for which the standard library keeps plans of its own.
package main

import (
	"encoding/json"

	"example.com/exercises/reflect-copy/order"
	"example.com/exercises/run"
)

type client struct{ quantity int64 }

func (c *client) read(text []byte) {
	var shown order.Shown
	if err := json.Unmarshal(text, &shown); err != nil {
		run.Fail("%v", err)
	}
	c.quantity += shown.Quantity
}

func main() {
	c, text := new(client), []byte(`{"ID":1,"Quantity":3,"Price":9.5,"State":"paid"}`)
	run.Ballast(128)
	run.Program{Rate: 1500, Unit: func(_, _ int) { c.read(text) }}.Main()
}
