// Package mark finds call sites by comments in a program's own source, and prints what was counted there.
//
// A marker is `// site: NAME FUNCTION [into CALLER…]` at the end of the line of the call: the name starts with the
// group of the logical probe, the function is spelled as the linker does, and the callers are those that hold an
// inlined copy. Line numbers come from the embedded source, so that they are right whatever is edited above.
package mark

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"runtime"
	"sort"
	"strings"
)

// Mark is a marker comment: where it stands and what it says.
type Mark struct {
	Function, File string
	Line           int
	Into           []string
}

// Marks holds them by name.
type Marks map[string]Mark

// Latency holds exact quantiles: the value at rank ceil(q*n). P48 and P52 say how far apart values are around the median.
type Latency struct {
	Min int64 `json:"min_ns"`
	P48 int64 `json:"p48_ns"`
	P50 int64 `json:"p50_ns"`
	P52 int64 `json:"p52_ns"`
	P90 int64 `json:"p90_ns"`
	P99 int64 `json:"p99_ns"`
	Max int64 `json:"max_ns"`
	Sum int64 `json:"sum_ns"`
}

// Truth is what a program knows about one call site and one probe, in the words of the report.
type Truth struct {
	Site        string   `json:"site"`
	Probe       string   `json:"probe"`
	Function    string   `json:"function"`
	File        string   `json:"file"`
	Line        int      `json:"line"`
	InlinedInto *string  `json:"inlined_into"`
	Count       uint64   `json:"count"`
	Completed   uint64   `json:"completed"`
	Bytes       *uint64  `json:"bytes"`
	Latency     *Latency `json:"latency"`
	// Noted is how many of them met the probe's condition, and What is the detail of all of them.
	Noted *uint64 `json:"noted,omitempty"`
	What  *string `json:"what,omitempty"`
}

// probes maps the first part of a site's name to logical probes: reading memory statistics stops the world too.
var probes = map[string][]string{
	"chan":     {"chan-send"},
	"alloc":    {"alloc"},
	"timer":    {"timer-start"},
	"go":       {"goroutine-create"},
	"cgo":      {"cgo-call"},
	"stw":      {"stop-the-world"},
	"memstats": {"mem-stats", "stop-the-world"},

	"send":      {"chan-send"},
	"recv":      {"chan-recv"},
	"select":    {"select"},
	"mutex":     {"mutex-wait"},
	"park":      {"park"},
	"run":       {"goroutine-run"},
	"thread":    {"thread-lock"},
	"gosched":   {"gosched"},
	"growth":    {"stack-growth"},
	"defer":     {"defer"},
	"gc":        {"gc", "gc-cycle"},
	"freeos":    {"free-os-memory", "gc-cycle"},
	"finalizer": {"finalizer"},
	"pool":      {"pool-miss"},
	"stack":     {"stack-dump"},
	"caller":    {"caller"},
	"count":     {"goroutine-count"},
	"procs":     {"gomaxprocs"},
	"field":     {"reflect-field"},
	"map":       {"map-read"},
	"fire":      {"timer-fire"},
	"stop":      {"timer-stop"},
}

// Read adds the markers of the sources; file is the path of one of them as the compiler recorded it.
func (m Marks) Read(sources embed.FS, file string) {
	entries, err := sources.ReadDir(".")
	if err != nil {
		Fail("%v", err)
	}
	for _, entry := range entries {
		text, err := sources.ReadFile(entry.Name())
		if err != nil {
			Fail("%v", err)
		}
		for index, line := range strings.Split(string(text), "\n") {
			m.add(path.Join(path.Dir(file), entry.Name()), index+1, line)
		}
	}
}

func (m Marks) add(file string, number int, line string) {
	_, comment, found := strings.Cut(line, "// site: ")
	words := strings.Fields(comment)
	if !found || len(words) < 2 {
		return
	}
	mark := Mark{Function: words[1], File: file, Line: number}
	if len(words) > 3 && words[2] == "into" {
		mark.Into = words[3:]
	}
	if _, double := m[words[0]]; double {
		Fail("two markers for site %s", words[0])
	}
	m[words[0]] = mark
}

// Truths returns what is known of a site, once per logical probe; into is the caller where the site is inlined.
func (m Marks) Truths(site, into string, count, completed uint64) []Truth {
	mark, ok := m[site]
	if !ok {
		Fail("no marker for site %s", site)
	}
	truth := Truth{
		Site: site, Function: mark.Function, File: mark.File, Line: mark.Line, Count: count, Completed: completed,
	}
	if len(mark.Into) > 0 {
		known := false
		for _, caller := range mark.Into {
			known = known || caller == into
		}
		if !known {
			Fail("site %s is not inlined into %q", site, into)
		}
		truth.InlinedInto = &into
	}
	var truths []Truth
	for _, probe := range probes[strings.SplitN(site, ".", 2)[0]] {
		truth.Probe = probe
		truths = append(truths, truth)
	}
	return truths
}

// Quantiles sorts the nanoseconds and returns their quantiles; nil for none.
func Quantiles(values []int64) *Latency {
	if len(values) == 0 {
		return nil
	}
	sort.Slice(values, func(i, j int) bool { return values[i] < values[j] })
	at := func(percent int) int64 { return values[(len(values)*percent+99)/100-1] }
	latency := &Latency{
		Min: values[0], P48: at(48), P50: at(50), P52: at(52), P90: at(90), P99: at(99), Max: values[len(values)-1],
	}
	for _, value := range values {
		latency.Sum += value
	}
	return latency
}

// Print writes the truth as one line of JSON.
func Print(elapsed int64, truths []Truth) {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	err := out.Encode(map[string]any{"go": runtime.Version(), "elapsed_ns": elapsed, "sites": truths})
	if err != nil {
		Fail("%v", err)
	}
}

// Fail ends the program: its truth is not to be trusted.
func Fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
