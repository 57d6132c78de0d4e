// Package order is a thing as it is stored, and as it is shown.
package order

// Stored is what the database has.
type Stored struct {
	ID, Customer, Quantity int64
	Price                  float64
	State                  string
}

// Shown is what the client gets.
type Shown struct {
	ID, Quantity int64
	Price        float64
	State        string
}
