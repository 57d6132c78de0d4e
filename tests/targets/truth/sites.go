package main

import (
	"embed"
	"fmt"
	"os"
	"path"
	"runtime"
	"strings"

	"example.com/truth/hub"
)

//go:embed *.go
var sources embed.FS

// siteTruth is what the program knows about one call site, in the words of the report.
type siteTruth struct {
	Site        string  `json:"site"`
	Probe       string  `json:"probe"`
	Function    string  `json:"function"`
	File        string  `json:"file"`
	Line        int     `json:"line"`
	InlinedInto *string `json:"inlined_into"`
	Count       uint64  `json:"count"`
	Completed   uint64  `json:"completed"`
	Bytes       *uint64 `json:"bytes"`
}

// mark is a marker comment: where it stands and what it says.
type mark struct {
	function, file string
	line           int
	into           []string
}

var marks = readMarks()

// probesOf maps the first part of a site's name to logical probes: reading memory statistics stops the world too.
var probesOf = map[string][]string{
	"chan":     {"chan-send"},
	"alloc":    {"alloc"},
	"timer":    {"timer-start"},
	"go":       {"goroutine-create"},
	"stw":      {"stop-the-world"},
	"memstats": {"mem-stats", "stop-the-world"},
}

func truthOf(op *op) []siteTruth {
	mark, ok := marks[op.site]
	if !ok {
		fail("no marker for site %s", op.site)
	}
	truth := siteTruth{
		Site: op.site, Function: mark.function, File: mark.file, Line: mark.line,
		Count: op.count, Completed: op.count,
	}
	if op.panics {
		truth.Completed = 0
	}
	if op.size != nil {
		truth.Bytes = &op.bytes
	}
	if len(mark.into) > 0 {
		if !contains(mark.into, op.into) {
			fail("site %s is not inlined into %q", op.site, op.into)
		}
		truth.InlinedInto = &op.into
	}
	var truths []siteTruth
	for _, probe := range probesOf[strings.SplitN(op.site, ".", 2)[0]] {
		truth.Probe = probe
		truths = append(truths, truth)
	}
	return truths
}

func readMarks() map[string]mark {
	marks := map[string]mark{}
	_, here, _, _ := runtime.Caller(0)
	readDir(marks, sources, path.Dir(here))
	readDir(marks, hub.Sources, path.Dir(hub.File()))
	return marks
}

func readDir(marks map[string]mark, sources embed.FS, dir string) {
	entries, err := sources.ReadDir(".")
	if err != nil {
		fail("%v", err)
	}
	for _, entry := range entries {
		text, err := sources.ReadFile(entry.Name())
		if err != nil {
			fail("%v", err)
		}
		for index, line := range strings.Split(string(text), "\n") {
			_, comment, found := strings.Cut(line, "// site: ")
			words := strings.Fields(comment)
			if !found || len(words) < 2 || !strings.Contains(words[0], ".") {
				continue
			}
			mark := mark{function: words[1], file: path.Join(dir, entry.Name()), line: index + 1}
			if len(words) > 3 && words[2] == "into" {
				mark.into = words[3:]
			}
			if _, double := marks[words[0]]; double {
				fail("two markers for site %s", words[0])
			}
			marks[words[0]] = mark
		}
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "truth: "+format+"\n", args...)
	os.Exit(1)
}
