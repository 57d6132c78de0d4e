// Package rows is a table and what is to be done to each line of it.
package rows

import "math"

// Row is a line of a table.
type Row struct{ ID, Quantity, Price float64 }

// Enriched is a row with its total.
type Enriched struct{ Total, Tax float64 }

// Table returns n rows.
func Table(n int) []Row {
	table := make([]Row, n)
	for i := range table {
		table[i] = Row{ID: float64(i), Quantity: float64(i%7 + 1), Price: 9.5}
	}
	return table
}

// Enrich takes some microseconds.
func Enrich(row Row) Enriched {
	total := row.Quantity * row.Price
	for i := 0; i < 200; i++ {
		total = math.Sqrt(total*total + float64(i)*1e-9)
	}
	return Enriched{Total: total, Tax: total * 0.19}
}
