//! Index of the tests: one line per module saying what goes there.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test ends where it finds a fault"
)]

mod analyze; // Go binaries to functions, frames and origins: against Go's own tools, and hostile files
mod budget; // the limit on what the probes cost is kept, and what is estimated then is true (root)
mod cli; // the command line: what is printed where, exit codes of wrong usage, the environment
mod counts; // hits, bytes and completions per call site are the program's own (root)
#[cfg(feature = "kernel")]
mod cover; // exit sites see every return that probes on the returns themselves see (root)
mod discover; // which process is looked at: wrappers, ends, namespaces; ps and doctor (root)
mod exercises; // every exercise of the catalogue, before and after its cure, is judged right (root)
mod formats; // pprof, folded, hostile names: inert, and what other tools read (root)
mod latency; // latencies are those of the program's own clock (root)
mod lifecycle; // how runs begin and end: signals, ends, commands, outputs, two at once (root)
mod probes; // what else the runtime is made to do: slow paths and rare calls, their details and notes (root)
mod real_servers; // well-known Go servers under load (root)
mod recording; // what a killed recorder leaves; the same report again; broken files (root)
mod samples; // CPU samples are the shares that a program measures of itself (root)
mod state; // what is read without a probe: addresses, goroutines, counters, profiles (root)
mod support; // not tests: targets as children, what a test needs of its machine, rtprobe as a command
mod targets; // the Go programs: what they print about themselves is true
mod unharmed; // the target goes on as if nobody had watched, and nothing stays behind (root)
