// Package busy is a load to be profiled, and a place for the profile.
package busy

import (
	"os"
	"runtime/pprof"
	"time"

	"example.com/exercises/run"
)

// Load takes about a tenth of a processor at its own rate.
type Load struct{ sum int }

// Step is a unit of work.
func (l *Load) Step(_, n int) {
	for i := 0; i < 100_000; i++ {
		l.sum += i ^ n
	}
}

// File is where a profile goes to.
func File() *os.File {
	file, err := os.CreateTemp("", "rtprobe-exercise-*.pprof")
	if err != nil {
		run.Fail("%v", err)
	}
	return file
}

// Remove does away with the profile.
func Remove(file *os.File) {
	file.Close()
	os.Remove(file.Name())
}

// Windows profiles for a while, rests, and begins again, with a file for each time.
func Windows(rest, on time.Duration) {
	for {
		time.Sleep(rest)
		file := File()
		if err := pprof.StartCPUProfile(file); err != nil {
			run.Fail("%v", err)
		}
		time.Sleep(on)
		pprof.StopCPUProfile()
		Remove(file)
	}
}
