//! Remembers an operation at its begin, takes it at its end.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST};
use probe_ebpf::abi::{Flight, FlightKey, Site, flag, lost};

use crate::{go_abi::Frame, latency::count_lost, maps::IN_FLIGHT};

const EEXIST: i32 = -17;

/// The key under which `site`'s begin and end meet.
#[inline(always)]
pub(crate) fn key(site: &Site, frame: &Frame) -> FlightKey {
    if site.flags & flag::ONE_AT_A_TIME != 0 {
        return FlightKey {
            g: 0,
            depth: 0,
            probe: u32::from(site.probe),
        };
    }
    FlightKey {
        g: frame.g,
        depth: frame.depth() as u32,
        probe: u32::from(site.probe),
    }
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
