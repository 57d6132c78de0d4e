//! Index of the tests: one line per module saying what goes there.

mod analyze; // Go binaries to functions, frames and origins: against Go's own tools, and hostile files
mod counts; // hits, bytes and completions per call site are the program's own (root)
mod latency; // latencies are those of the program's own clock (root)
mod support; // not tests: targets as children, what a test needs of its machine, rtprobe as a command
mod targets; // the Go programs: what they print about themselves is true
mod unharmed; // the target goes on as if nobody had watched, and nothing stays behind (root)
