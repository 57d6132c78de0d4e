//! Index of the tests: one line per module saying what goes there.

mod analyze; // Go binaries to functions, frames and origins: against Go's own tools, and hostile files
mod counts; // counts per call site: equal to what the target counted itself
mod latency; // latencies against the clock of the target
mod support;
mod unharmed; // the target goes on as if nobody had watched; nothing stays behind
