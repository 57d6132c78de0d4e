//! Remembers an operation at its begin, takes it at its end.

use probe_ebpf::abi::{FLIGHT_REACH, FLIGHT_SLOTS, Flight, FlightKey, Site, flag, lost};

use crate::{atomic::compare_exchange, go_abi::Frame, latency::count_lost, maps::IN_FLIGHT};

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

/// Remembers that an operation of `row` began at `start_ns`.
///
/// An operation that is still remembered under the same key never ended (its goroutine panicked or exited):
/// it is replaced and counted.
#[inline(always)]
pub(crate) fn begin(key: &FlightKey, row: u32, start_ns: u64) {
    let first = key.first_slot();
    for n in 0..FLIGHT_REACH {
        let Some(slot) = slot(first, n) else {
            break;
        };
        // SAFETY: `slot` points into a map value, aligned and valid as long as the program runs.
        let owner = unsafe { (&raw const (*slot).owner).read_volatile() };
        // SAFETY: as above.
        if owner == key.owner() && unsafe { is_of(slot, key) } {
            // SAFETY: as above; only this goroutine uses the key, and it is here.
            count_lost(unsafe { (*slot).row }, lost::STALE);
        // SAFETY: as above.
        } else if owner != 0
            || unsafe { compare_exchange(&raw mut (*slot).owner, 0, key.owner()) } != 0
        {
            continue;
        }
        // SAFETY: as above; the slot is this operation's.
        unsafe {
            (*slot).depth = key.depth;
            (*slot).probe = key.probe;
            (*slot).start_ns = start_ns;
            (*slot).row = row;
        }
        return;
    }
    count_lost(row, lost::FULL);
}

/// Takes the operation in flight under `key`.
#[inline(always)]
pub(crate) fn take(key: &FlightKey) -> Option<Taken> {
    let first = key.first_slot();
    for n in 0..FLIGHT_REACH {
        let slot = slot(first, n)?;
        // SAFETY: as in `begin`. A free slot does not end the search: its operation may have ended after this
        // one went past it.
        unsafe {
            if (&raw const (*slot).owner).read_volatile() == key.owner() && is_of(slot, key) {
                let taken = Taken {
                    start_ns: (*slot).start_ns,
                    row: (*slot).row,
                };
                (&raw mut (*slot).owner).write_volatile(0);
                return Some(taken);
            }
        }
    }
    None
}

/// An operation that was in flight.
pub(crate) struct Taken {
    pub(crate) start_ns: u64,
    pub(crate) row: u32,
}

#[inline(always)]
fn slot(first: u32, n: u32) -> Option<*mut Flight> {
    IN_FLIGHT.get_ptr_mut(first.wrapping_add(n) & (FLIGHT_SLOTS - 1))
}

/// Whether the slot, which the key's goroutine owns, holds the key's operation.
///
/// # Safety
///
/// `slot` is a valid, aligned pointer into a map value.
#[inline(always)]
unsafe fn is_of(slot: *const Flight, key: &FlightKey) -> bool {
    // SAFETY: the caller's.
    unsafe { (*slot).depth == key.depth && (*slot).probe == key.probe }
}
