//! Adds up rows: counts, bytes, latencies and losses. Everything is atomic: a program may be preempted by
//! another one on the same CPU, and rows are shared between CPUs.

use aya_ebpf::{bindings::BPF_NOEXIST, maps::HashMap};
use probe_ebpf::{
    abi::{CHANGES_BITS, CHANGES_MASK, Row, bucket_key, lost},
    bucket::bucket_of,
};

use crate::{
    atomic::{self, compare_exchange},
    maps::{BUCKETS, COUNTERS, MORE_BUCKETS, ROWS},
};

/// Attempts to raise a maximum. Each failed one means that another CPU raised it meanwhile.
const RAISE_ATTEMPTS: u32 = 8;

#[inline(always)]
fn add(counter: *mut u64, n: u64) {
    // SAFETY: callers pass a pointer into a map value, aligned and valid as long as the program runs.
    unsafe { atomic::add(counter, n) };
}

#[inline(always)]
fn raise(maximum: *mut u64, value: u64) {
    // SAFETY: as in `add`.
    let mut current = unsafe { maximum.read_volatile() };
    for _ in 0..RAISE_ATTEMPTS {
        if current >= value {
            return;
        }
        // SAFETY: as in `add`.
        let seen = unsafe { compare_exchange(maximum, current, value) };
        if seen == current {
            return;
        }
        current = seen;
    }
}

#[inline(always)]
fn with_row(row: u32, act: impl FnOnce(*mut Row)) {
    if let Some(row) = ROWS.get_ptr_mut(row) {
        act(row);
    }
}

/// Counts a hit of `row` that asked for `bytes`.
#[inline(always)]
pub(crate) fn count_hit(row: u32, bytes: u64) {
    // SAFETY: `row` points into a map value; only field addresses are taken.
    with_row(row, |row| unsafe {
        add(&raw mut (*row).hits, 1);
        if bytes != 0 {
            add(&raw mut (*row).bytes, bytes);
        }
    });
}

/// Takes note which channel a hit of `row` was on.
#[inline(always)]
pub(crate) fn note_channel(row: u32, channel: u64) {
    // SAFETY: as in `count_hit`; user space reads meanwhile, hence volatile.
    with_row(row, |row| unsafe {
        let (last, before) = (&raw mut (*row).channel, &raw mut (*row).channel_before);
        let was = last.read_volatile();
        if was != channel {
            let n_changes = before.read_volatile().wrapping_add(1) & CHANGES_MASK;
            before.write_volatile(was << CHANGES_BITS | n_changes);
            last.write_volatile(channel);
        }
    });
}

/// Counts a hit of `row` as lost for `reason`, an index of [`lost`].
#[inline(always)]
pub(crate) fn count_lost(row: u32, reason: usize) {
    // SAFETY: as in `count_hit`; `reason` is one of the constants below `lost::N`.
    with_row(row, |row| unsafe {
        add((&raw mut (*row).lost).cast::<u64>().add(reason), 1)
    });
}

/// Counts a hit of `probe` that has no row.
#[inline(always)]
pub(crate) fn count_lost_without_row(probe: u8, reason: usize) {
    if let Some(counters) = COUNTERS.get_ptr_mut(u32::from(probe)) {
        // SAFETY: as in `count_lost`.
        add(
            unsafe { (&raw mut (*counters).lost).cast::<u64>().add(reason) },
            1,
        );
    }
}

/// Counts an operation of `row` that has no duration.
#[inline(always)]
pub(crate) fn count_event(row: u32) {
    // SAFETY: as in `count_hit`.
    with_row(row, |row| unsafe { add(&raw mut (*row).completed, 1) });
}

/// Notes a completed operation of `row`.
#[inline(always)]
fn count_noted(row: u32) {
    // SAFETY: as in `count_hit`.
    with_row(row, |row| unsafe { add(&raw mut (*row).noted, 1) });
}

/// Adds an operation of `row` that took `duration_ns`, and notes it if it is to be.
#[inline(always)]
pub(crate) fn complete(row: u32, duration_ns: u64, is_noted: bool) {
    if !count_bucket(bucket_key(row, bucket_of(duration_ns))) {
        count_lost(row, lost::FULL);
        return;
    }
    // SAFETY: as in `count_hit`.
    with_row(row, |row| unsafe {
        add(&raw mut (*row).completed, 1);
        add(&raw mut (*row).sum_ns, duration_ns);
        raise(&raw mut (*row).max_ns, duration_ns);
        raise(&raw mut (*row).inverted_min_ns, u64::MAX - duration_ns);
    });
    if is_noted {
        count_noted(row);
    }
}

#[inline(always)]
fn count_bucket(key: u32) -> bool {
    let known = BUCKETS
        .get_ptr_mut(&key)
        .or_else(|| MORE_BUCKETS.get_ptr_mut(&key));
    if let Some(count) = known {
        add(count, 1);
        return true;
    }
    count_new_bucket(key)
}

/// Not inlined: it runs once per bucket. Where one map is full the other is used, and only then.
#[inline(never)]
fn count_new_bucket(key: u32) -> bool {
    make_bucket(&BUCKETS, key) || make_bucket(&MORE_BUCKETS, key)
}

#[inline(always)]
fn make_bucket(buckets: &HashMap<u32, u64>, key: u32) -> bool {
    if buckets.insert(&key, &1_u64, u64::from(BPF_NOEXIST)).is_ok() {
        return true;
    }
    // Another CPU made the bucket in between, or the map is full.
    let Some(count) = buckets.get_ptr_mut(&key) else {
        return false;
    };
    add(count, 1);
    true
}
