package main

import (
	"embed"
	"runtime"

	"example.com/mark"
	"example.com/truth/hub"
)

//go:embed *.go
var sources embed.FS

var marks = readMarks()

func readMarks() mark.Marks {
	marks := mark.Marks{}
	_, here, _, _ := runtime.Caller(0)
	marks.Read(sources, here)
	marks.Read(hub.Sources, hub.File())
	return marks
}

func truthsOf(op *op) []mark.Truth {
	completed := op.count
	if op.panics {
		completed = 0
	}
	truths := marks.Truths(op.site, op.into, op.count, completed)
	for i := range truths {
		if op.size != nil {
			truths[i].Bytes = &op.bytes
		}
	}
	return truths
}
