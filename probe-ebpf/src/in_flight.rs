//! Remembers an operation at its begin, takes it at its end.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST, pt_regs};
use probe_ebpf::abi::{Flight, FlightKey, Site, flag, key as by, lost};

use crate::{
    detail::fixed,
    go_abi::{Frame, read_user},
    latency::count_lost,
    maps::IN_FLIGHT,
};

const EEXIST: i32 = -17;

/// The key under which `site`'s begin and end meet; `None` where what it is made of can't be read.
#[inline(always)]
pub(crate) fn key(regs: &pt_regs, site: &Site, frame: &Frame) -> Option<FlightKey> {
    let (g, depth) = if site.flags & flag::ONE_AT_A_TIME != 0 {
        (0, 0)
    } else {
        let [ax, bx, si] = [fixed(&regs.rax), fixed(&regs.rbx), fixed(&regs.rsi)];
        match site.key {
            by::FRAME => (frame.g, frame.depth() as u32),
            by::GOROUTINE => (frame.g, 0),
            by::AX => (ax, 0),
            by::BX => (bx, by::NO_GOROUTINE),
            by::SI => (si, by::NO_GOROUTINE),
            _ => {
                let at = ax.wrapping_add(u64::from(site.offsets[0]));
                (read_user(at)?, by::NO_GOROUTINE)
            }
        }
    };
    Some(FlightKey {
        g,
        depth,
        probe: u32::from(site.probe),
    })
}

/// Remembers an operation.
///
/// One that is still remembered under the same key never ended (its goroutine panicked or exited), or ended
/// after its window: it is replaced and counted.
#[inline(always)]
pub(crate) fn begin(key: &FlightKey, flight: Flight) {
    let row = flight.row;
    match IN_FLIGHT.insert(key, &flight, u64::from(BPF_NOEXIST)) {
        Ok(()) => {}
        Err(EEXIST) => {
            // SAFETY: only this goroutine uses the key, and it is here.
            if let Some(old) = unsafe { IN_FLIGHT.get(key) } {
                let cut = old.epoch != flight.epoch;
                count_lost(old.row, if cut { lost::WINDOW } else { lost::STALE });
            }
            if IN_FLIGHT.insert(key, &flight, u64::from(BPF_ANY)).is_err() {
                count_lost(row, lost::FULL);
            }
        }
        Err(_) => count_lost(row, lost::FULL),
    }
}

/// Takes the operation in flight under `key`.
#[inline(always)]
pub(crate) fn take(key: &FlightKey) -> Option<Flight> {
    // SAFETY: only this goroutine uses the key, and it is here.
    let flight = *unsafe { IN_FLIGHT.get(key) }?;
    // What cannot be removed would be found again and counted twice; it was found a moment ago.
    IN_FLIGHT.remove(key).ok()?;
    Some(flight)
}
