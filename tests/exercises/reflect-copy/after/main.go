// Command after looks fields up once per pair of types.
package main

import (
	"reflect"

	"example.com/exercises/reflect-copy/order"
	"example.com/exercises/run"
)

type pair struct{ to, from int }

type mapper struct {
	plan   []pair
	copied int
}

// prepare finds for each field of one type its place in another.
func prepare(to, from reflect.Type) *mapper {
	m := new(mapper)
	for i := 0; i < from.NumField(); i++ {
		if field, ok := to.FieldByName(from.Field(i).Name); ok {
			m.plan = append(m.plan, pair{to: field.Index[0], from: i})
		}
	}
	return m
}

func (m *mapper) copy(to, from any) {
	target, source := reflect.ValueOf(to).Elem(), reflect.ValueOf(from).Elem()
	for _, field := range m.plan {
		target.Field(field.to).Set(source.Field(field.from))
		m.copied++
	}
}

func main() {
	from, to := &order.Stored{ID: 1, Customer: 2, Quantity: 3, Price: 9.5, State: "paid"}, new(order.Shown)
	m := prepare(reflect.TypeOf(*to), reflect.TypeOf(*from))
	run.Ballast(128)
	run.Program{Rate: 1500, Unit: func(_, _ int) { m.copy(to, from) }}.Main()
}
