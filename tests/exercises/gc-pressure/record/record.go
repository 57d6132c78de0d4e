// Package record is lines with fields.
package record

import "bytes"

// Record is larger than what it holds.
type Record struct {
	Fields [20]string
	Tags   []string
	Body   []byte
}

var line = []byte("id=1;name=widget;price=9.50;stock=12")

// Parse fills a record without copying the line.
func (r *Record) Parse() {
	rest := line
	for i := range r.Fields {
		field, more, found := bytes.Cut(rest, []byte{';'})
		r.Body = field
		if !found {
			r.Fields[i] = "end"
			return
		}
		r.Fields[i] = "field"
		rest = more
	}
}

// Reset makes a record fit for use again.
func (r *Record) Reset() {
	*r = Record{}
}

// Sink is somebody who takes records.
type Sink struct{ last *Record }

// Emit lets the record leave the function that made it.
func (s *Sink) Emit(r *Record) { s.last = r }
