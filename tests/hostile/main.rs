//! The analyzer on files made to break it: it neither panics, nor hangs, nor takes memory without bound.
//!
//! A test binary of its own, because it counts what its threads allocate.
#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "helpers of tests report reasons, and a helper that fails is a failed test"
)]

mod allocation; // peak of memory of the current thread
mod crafted; // files that exploit one weakness each
mod exercise; // everything that the analyzer offers, within bounds of time and memory
#[path = "../suite/analyze/go_build.rs"]
mod go_build; // real programs to start from
mod mutated; // real programs with random damage
mod patched; // a file with changes, without a copy
mod synthetic; // the smallest file that looks like a Go program
