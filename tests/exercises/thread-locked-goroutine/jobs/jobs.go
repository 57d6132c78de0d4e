// Package jobs is work in plain Go.
package jobs

// Job is something to be added up.
type Job struct{ From, To int }

// Do takes some microseconds.
func (j Job) Do() int {
	sum := 0
	for i := j.From; i < j.To; i++ {
		sum += i ^ sum>>3
	}
	return sum
}
