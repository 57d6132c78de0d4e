// Package sums computes check sums of large files in a goroutine of its own.
package sums

import "hash/crc32"

// size takes some milliseconds, in assembly code that can't be interrupted.
const size = 32 << 20

// Summer has files to be summed up.
type Summer struct {
	files chan struct{}
	data  []byte
	piece int
	sum   uint32
}

// New starts the goroutine; the sum is computed in pieces of so many bytes, and all at once for 0.
func New(piece int) *Summer {
	if piece == 0 {
		piece = size
	}
	s := &Summer{files: make(chan struct{}, 1), data: make([]byte, size), piece: piece}
	go s.loop()
	return s
}

// Add asks for another sum.
func (s *Summer) Add() {
	s.files <- struct{}{}
}

func (s *Summer) loop() {
	for range s.files {
		for at := 0; at < len(s.data); at += s.piece {
			s.sum = crc32.Update(s.sum, crc32.IEEETable, s.data[at:at+s.piece])
		}
	}
}
