// Package relay is two goroutines that wait for each other.
package relay

// Relay has a goroutine that answers.
type Relay struct{ ask, answer chan int }

// New starts the goroutine.
func New() *Relay {
	r := &Relay{ask: make(chan int), answer: make(chan int)}
	go r.serve()
	return r
}

func (r *Relay) serve() {
	for question := range r.ask {
		r.answer <- question + 1
	}
}

// Call waits for an answer.
func (r *Relay) Call(_, n int) {
	r.ask <- n
	<-r.answer
}
