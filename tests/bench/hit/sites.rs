//! Whether probes are on, seen in the target's memory.

use std::{fs::File, os::unix::fs::FileExt as _};

use anyhow::Result;

/// What a probed instruction begins with: `int3`.
const BREAKPOINT: u8 = 0xcc;

/// Addresses in a process.
#[derive(Clone, Debug)]
pub(super) struct Sites {
    pub(super) pid: u32,
    pub(super) addresses: Vec<u64>,
}

/// Returns whether there is a breakpoint at each of the sites.
pub(super) fn armed(sites: &Sites) -> Result<bool> {
    let memory = File::open(format!("/proc/{}/mem", sites.pid))?;
    for &address in &sites.addresses {
        let mut byte = [0];
        memory.read_exact_at(&mut byte, address)?;
        if byte != [BREAKPOINT] {
            return Ok(false);
        }
    }
    Ok(true)
}
