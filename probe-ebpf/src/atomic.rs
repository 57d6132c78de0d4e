//! The atomic operations that the programs need.
//!
//! rustc's BPF target declares no compare-and-swap, so `core::sync::atomic` has neither; the instructions
//! exist since BPF's third instruction set (Linux 5.12) and LLVM emits them for the intrinsics.

use core::intrinsics::{
    AtomicOrdering::{AcqRel, Relaxed},
    atomic_cxchg, atomic_xadd,
};

/// Adds `n`.
///
/// # Safety
///
/// `value` is a valid, aligned pointer into a map value.
#[inline(always)]
pub(crate) unsafe fn add(value: *mut u64, n: u64) {
    // SAFETY: the caller's.
    unsafe { atomic_xadd::<u64, u64, { Relaxed }>(value, n) };
}

/// Adds `n` and returns the value before.
///
/// LLVM 22 lowers a relaxed addition to the instruction that does not return the old value, even where it
/// is used: the stronger order chooses the one that does.
///
/// # Safety
///
/// As for [`add`].
#[inline(always)]
pub(crate) unsafe fn fetch_add(value: *mut u64, n: u64) -> u64 {
    // SAFETY: the caller's.
    unsafe { atomic_xadd::<u64, u64, { AcqRel }>(value, n) }
}

/// Writes `new` if the value is `old`, and returns the value before.
///
/// # Safety
///
/// As for [`add`].
#[inline(always)]
pub(crate) unsafe fn compare_exchange(value: *mut u64, old: u64, new: u64) -> u64 {
    // SAFETY: the caller's.
    unsafe { atomic_cxchg::<u64, { Relaxed }, { Relaxed }>(value, old, new) }.0
}
