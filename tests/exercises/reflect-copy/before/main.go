// Command before copies fields by their names, which it looks up anew each time.
package main

import (
	"reflect"

	"example.com/exercises/reflect-copy/order"
	"example.com/exercises/run"
)

type mapper struct{ copied int }

func (m *mapper) copy(to, from any) {
	target, source := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for i := 0; i < source.NumField(); i++ {
		field := target.FieldByName(source.Type().Field(i).Name) // finding: main.(*mapper).copy
		if field.IsValid() && field.CanSet() {
			field.Set(source.Field(i))
			m.copied++
		}
	}
}

func main() {
	m := new(mapper)
	from, to := &order.Stored{ID: 1, Customer: 2, Quantity: 3, Price: 9.5, State: "paid"}, new(order.Shown)
	run.Ballast(128)
	run.Program{Rate: 1500, Unit: func(_, _ int) { m.copy(to, from) }}.Main()
}
