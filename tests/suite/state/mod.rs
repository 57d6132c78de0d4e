//! What is read of a running program without a probe is what the program's own runtime says of itself.

mod commands; // what `rtprobe dump` prints, and what a report has of it
mod counters; // collections, allocations, goroutines, calls to C, timers; what is switched on
mod cpu_limit; // quotas of control groups
mod globals; // stripped files give the same addresses and offsets as those with symbols
mod goroutines; // the census is Go's own stack trace
mod heap; // the memory profile is the program's own

use std::fs::File;

use probe_user::{
    address::LoadBias,
    analyze::GoBinary,
    discover::{self, Target},
    observed::State,
    state,
};

use crate::support::GoTarget;

/// A running program, ready to be read.
#[derive(Debug)]
struct Observed {
    target: Target,
    binary: GoBinary,
    bias: LoadBias,
}

impl Observed {
    #[track_caller]
    fn of(target: &GoTarget) -> Self {
        let target = discover::discover(target.pid()).unwrap();
        let exe: File = target.exe_file.try_clone().unwrap();
        let binary = GoBinary::open(Box::new(exe)).unwrap();
        let segments: Vec<_> = binary
            .exec_segments()
            .iter()
            .map(|segment| (segment.file_offset.0, segment.vaddr.0, segment.len))
            .collect();
        let bias = target.load_bias(&segments).unwrap();
        Self {
            target,
            binary,
            bias,
        }
    }

    fn read(&self) -> State {
        state::read(&self.target, &self.binary, self.bias, 0)
    }
}

/// Asks the program and returns its lines up to `end`.
#[track_caller]
fn answers(target: &mut GoTarget, question: &str) -> Vec<String> {
    target.tell(question);
    target.lines_until("end")
}

/// Asks the program for a line of JSON.
#[track_caller]
fn answer<T: serde::de::DeserializeOwned>(target: &mut GoTarget, question: &str) -> T {
    target.tell(question);
    let line = target.next_line();
    serde_json::from_str(&line).unwrap()
}
