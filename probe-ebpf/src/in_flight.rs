//! Remembers an operation at its begin, takes it at its end.

use aya_ebpf::bindings::{BPF_ANY, BPF_NOEXIST, pt_regs};
use probe_ebpf::abi::{Flight, FlightKey, Site, Slot, flag, key as by, lost};

use crate::{
    atomic::compare_exchange,
    detail::fixed,
    go_abi::{Frame, read_user, return_slot},
    latency::count_lost,
    maps::{IN_FLIGHT, SLOTS},
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

/// Returns whether the operations of `site` are known by their frames: they have slots.
#[inline(always)]
fn is_by_frame(site: &Site) -> bool {
    site.key == by::FRAME && site.flags & flag::ONE_AT_A_TIME == 0
}

/// Remembers an operation.
#[inline(always)]
pub(crate) fn begin(site: &Site, frame: &Frame, key: &FlightKey, flight: Flight) {
    if !is_by_frame(site) || !take_slot(site, frame, flight) {
        insert(key, flight);
    }
}

/// Claims the slot for an operation, and returns whether it is to be had.
#[inline(always)]
fn take_slot(site: &Site, frame: &Frame, flight: Flight) -> bool {
    let owner = Slot::owner(frame.g, site.probe);
    let Some(slot) = SLOTS.get_ptr_mut(Slot::index(owner)) else {
        return false;
    };
    let depth = frame.depth() as u32;
    // SAFETY: points into a map value, valid as long as the program runs; other goroutines write to the owner
    // meanwhile, hence volatile, and to the rest only where the owner is theirs.
    unsafe {
        let holder = (&raw const (*slot).owner).read_volatile();
        if holder == owner {
            let old = (*slot).flight;
            // Further out on the same stack is an operation that this one is nested in.
            if (*slot).depth < depth && old.epoch == flight.epoch {
                return false;
            }
            count_replaced(old, flight);
        } else if holder != 0 || compare_exchange(&raw mut (*slot).owner, 0, owner) != 0 {
            return false;
        }
        (*slot).return_slot = frame.return_slot;
        (*slot).depth = depth;
        (*slot).flight = flight;
    }
    true
}

/// Counts an operation that never ended, as its goroutine panicked or exited, or that ended after its window.
#[inline(always)]
fn count_replaced(old: Flight, new: Flight) {
    let cut = old.epoch != new.epoch;
    count_lost(old.row, if cut { lost::WINDOW } else { lost::STALE });
}

/// Remembers an operation in the hash. One that is still remembered under the same key is replaced.
#[inline(always)]
fn insert(key: &FlightKey, flight: Flight) {
    match IN_FLIGHT.insert(key, &flight, u64::from(BPF_NOEXIST)) {
        Ok(()) => {}
        Err(EEXIST) => {
            // SAFETY: only this goroutine uses the key, and it is here.
            if let Some(old) = unsafe { IN_FLIGHT.get(key) } {
                count_replaced(*old, flight);
            }
            if IN_FLIGHT.insert(key, &flight, u64::from(BPF_ANY)).is_err() {
                count_lost(flight.row, lost::FULL);
            }
        }
        Err(_) => count_lost(flight.row, lost::FULL),
    }
}

/// Takes the operation that ends at `site` if it is in its slot and its stack is where it was: no look at the
/// target's memory is needed then.
#[inline(always)]
pub(crate) fn take_unmoved(regs: &pt_regs, site: &Site) -> Option<Flight> {
    if !is_by_frame(site) {
        return None;
    }
    let return_slot = return_slot(regs, site);
    free_slot(regs.r14, site.probe, |slot| slot.return_slot == return_slot)
}

/// Takes the operation in flight under `key`.
#[inline(always)]
pub(crate) fn take(site: &Site, key: &FlightKey) -> Option<Flight> {
    if is_by_frame(site) {
        let flight = free_slot(key.g, site.probe, |slot| slot.depth == key.depth);
        if flight.is_some() {
            return flight;
        }
    }
    // SAFETY: only this goroutine uses the key, and it is here.
    let flight = *unsafe { IN_FLIGHT.get(key) }?;
    // What cannot be removed would be found again and counted twice; it was found a moment ago.
    IN_FLIGHT.remove(key).ok()?;
    Some(flight)
}

/// Frees the slot of a goroutine and a probe if it is theirs and `is_it`, and returns what was in it.
#[inline(always)]
fn free_slot(g: u64, probe: u8, is_it: impl FnOnce(&Slot) -> bool) -> Option<Flight> {
    let owner = Slot::owner(g, probe);
    let slot = SLOTS.get_ptr_mut(Slot::index(owner))?;
    // SAFETY: as in `take_slot`: the reference is made where the slot is this goroutine's.
    unsafe {
        if (&raw const (*slot).owner).read_volatile() != owner || !is_it(&*slot) {
            return None;
        }
        // Volatile, or the compiler reads it after the slot is free, when it may be another goroutine's.
        let flight = (&raw const (*slot).flight).read_volatile();
        (&raw mut (*slot).owner).write_volatile(0);
        Some(flight)
    }
}
