// Command alike starts as many goroutines, but each of them waits for input: that is what they are for.
package main

import (
	"os"
	"sync"

	"example.com/exercises/run"
)

// asker has a pipe to a slow answerer.
type asker struct {
	answers *os.File
	asked   *os.File
}

// ask reads one byte, which comes when it comes.
func (a *asker) ask(all *sync.WaitGroup) {
	defer all.Done()
	var answer [1]byte
	if _, err := a.answers.Read(answer[:]); err != nil {
		run.Fail("read: %v", err)
	}
}

func main() {
	answers, asked, err := os.Pipe()
	if err != nil {
		run.Fail("pipe: %v", err)
	}
	a := &asker{answers: answers, asked: asked}
	run.Ballast(64)
	run.Program{Rate: 150, Unit: func(_, _ int) {
		var all sync.WaitGroup
		all.Add(2)
		go a.ask(&all)
		go a.ask(&all)
		run.Pause()
		if _, err := a.asked.Write([]byte("ok")); err != nil {
			run.Fail("write: %v", err)
		}
		all.Wait()
	}}.Main()
}
