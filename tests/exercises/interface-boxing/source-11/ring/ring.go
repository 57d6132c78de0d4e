// Package ring is a logger that keeps the last values in memory.
package ring

// Logger holds values of all kinds.
type Logger struct {
	values [1024]any
	next   int
}

// Put keeps values as interfaces.
//
//go:noinline
func (l *Logger) Put(values ...any) {
	for _, value := range values {
		l.values[l.next%len(l.values)] = value
		l.next++
	}
}

// Attr is a value together with its type, without an interface.
type Attr struct {
	Key   string
	Int   int64
	Float float64
}

// Typed holds attributes.
type Typed struct {
	values [1024]Attr
	next   int
}

// Put keeps attributes as they are.
//
//go:noinline
func (l *Typed) Put(values ...Attr) {
	for _, value := range values {
		l.values[l.next%len(l.values)] = value
		l.next++
	}
}
