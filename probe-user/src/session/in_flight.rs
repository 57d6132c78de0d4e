//! Tells, after the window, which operations in flight will never end: their goroutine exited, was reused,
//! or has unwound past them.

use std::collections::BTreeMap;

use probe_ebpf::abi::{Flight, FlightKey, key as by};

use crate::{address::ProcAddr, analyze::GLayout, discover::Target};

/// `_Gdead` and the scan bit, src/runtime/runtime2.go, Go 1.21 to 1.27.
const DEAD: u32 = 6;
const SCAN: u32 = 0x1000;
/// `_Grunnable` and `_Gwaiting`: off the CPU, their stack pointer is in `g.sched`.
const RUNNABLE: u32 = 1;
const WAITING: u32 = 4;

/// Returns the number of such operations by row. Goroutines that are running now are left as they are:
/// nothing can be told about them.
pub(super) fn stale(
    flights: &[(FlightKey, Flight)],
    layout: &GLayout,
    target: &Target,
) -> Vec<(u32, u64)> {
    let mut stale = BTreeMap::<u32, u64>::new();
    for (key, flight) in flights {
        if key.g != 0 && key.depth != by::NO_GOROUTINE && is_gone(key, layout, target) == Some(true)
        {
            *stale.entry(flight.row).or_default() += 1;
        }
    }
    stale.into_iter().collect()
}

/// Returns whether the frame of an operation is gone, `None` where the goroutine can't be read.
fn is_gone(key: &FlightKey, layout: &GLayout, target: &Target) -> Option<bool> {
    let word = |offset: u32| read_u64(target, key.g.checked_add(u64::from(offset))?);
    let status = word(layout.atomicstatus?)? as u32 & !SCAN;
    match status {
        DEAD => Some(true),
        RUNNABLE | WAITING => {
            let stack_high = word(layout.stack_hi)?;
            let stack_pointer = word(layout.sched_sp)?;
            // A standing frame lies below its return address, so the stack reaches deeper than that.
            Some(stack_high.checked_sub(stack_pointer)? < u64::from(key.depth))
        }
        _ => None,
    }
}

fn read_u64(target: &Target, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    let n = target.read_memory(ProcAddr(address), &mut bytes).ok()?;
    (n == bytes.len()).then(|| u64::from_le_bytes(bytes))
}
