// Package logger finds out for each line where it comes from.
package logger

import "runtime"

// Logger counts what it would write.
type Logger struct {
	lines, bytes, lastLine int
	lastFile               string
}

// Info is what programs call.
func (l *Logger) Info(message string) {
	_, file, line, ok := runtime.Caller(1) // finding: example.com/exercises/caller-per-log/before/logger.(*Logger).Info
	if ok {
		l.lastFile, l.lastLine = file, line
	}
	l.lines++
	l.bytes += len(message)
}
