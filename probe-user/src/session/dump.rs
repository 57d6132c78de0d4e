//! `rtprobe dump`: discover, analyze, read the goroutines; nothing is attached.

use std::time::Instant;

use super::{describe, subject};
use crate::{discover, failure::Failure, render::Dump, state};

/// Returns what every goroutine of a process does.
pub fn dump(pid: u32) -> Result<Dump, Failure> {
    let target = discover::discover(pid)?;
    let exe = target
        .exe_file
        .try_clone()
        .map_err(|e| Failure::io("failed to duplicate a descriptor", &e))?;
    let binary = subject::open_supported(exe, &target.exe, Some(&target))?;
    let bias = target.load_bias(&subject::segments(&binary))?;
    let start = Instant::now();
    let census = state::census(&target, &binary, bias)?;
    Ok(Dump {
        schema: Dump::SCHEMA,
        target: describe::target(Some(&target), None, &binary),
        read_ns: start.elapsed().as_nanos() as u64,
        total: census.total,
        torn: census.torn,
        goroutines: census.groups,
        locked_to_thread: census.locked_to_thread,
        degraded: binary.degraded().to_vec(),
    })
}
