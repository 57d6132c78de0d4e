//! A census of goroutines as the answer of a command of its own.

use std::io::{self, Write};

use serde::Serialize;

use super::json;
use crate::report::{GoroutineGroup, TargetInfo};

/// What `rtprobe dump` answers, `rtprobe.dump/v1`; `goroutines` are those of a report.
#[derive(Clone, Debug, Serialize)]
pub struct Dump {
    pub schema: &'static str,
    pub target: TargetInfo,
    /// How long the reading took.
    pub read_ns: u64,
    /// Goroutines, the runtime's own included.
    pub total: u64,
    /// Goroutines that moved on while they were read; they have no stack.
    pub torn: u64,
    pub goroutines: Vec<GoroutineGroup>,
    /// Those that the program's own code has locked to a thread.
    pub locked_to_thread: Vec<GoroutineGroup>,
    /// What is not known of this binary, in sentences.
    pub degraded: Vec<String>,
}

impl Dump {
    pub const SCHEMA: &'static str = "rtprobe.dump/v1";
}

/// Writes a dump as JSON.
pub fn write_dump_json(dump: &Dump, out: &mut dyn Write) -> io::Result<()> {
    json::write_value(dump, out)
}
