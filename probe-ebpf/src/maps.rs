//! The programs' maps and globals: who writes them and who reads them.

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap},
};
use probe_ebpf::abi::{
    CallPath, Counters, FLIGHT_SLOTS, Flight, MAX_BUCKETS, MAX_PROBES, MAX_ROWS, MAX_SITES, Row,
    RowKey, Site,
};

/// Written by user space before attaching.
#[map]
pub(crate) static SITES: Array<Site> = Array::with_max_entries(MAX_SITES, 0);

/// Written by user space when all links are on, and before they go.
#[map]
pub(crate) static WINDOW: Array<u32> = Array::with_max_entries(1, 0);

/// Written by user space before attaching, which also sets the number of entries.
#[map]
pub(crate) static USER_TEXT: Array<u64> = Array::with_max_entries(1, 0);

/// Written here, never deleted from.
#[map]
pub(crate) static ROW_OF: HashMap<RowKey, u32> = HashMap::with_max_entries(MAX_ROWS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static ROWS: Array<Row> = Array::with_max_entries(MAX_ROWS, 0);

/// Written here once per row, read by user space.
#[map]
pub(crate) static CALL_PATHS: Array<CallPath> = Array::with_max_entries(MAX_ROWS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static N_ROWS: Array<u64> = Array::with_max_entries(1, 0);

/// Written here, read by user space for what is still open. An array that is searched here: inserting into a
/// hash map and deleting from it costs four times as much. Never an LRU map: that would forget without a word.
#[map]
pub(crate) static IN_FLIGHT: Array<Flight> = Array::with_max_entries(FLIGHT_SLOTS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static BUCKETS: HashMap<u32, u64> = HashMap::with_max_entries(MAX_BUCKETS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static COUNTERS: Array<Counters> = Array::with_max_entries(MAX_PROBES, 0);

/// The target's process id in rtprobe's own PID namespace.
#[unsafe(no_mangle)]
pub(crate) static TARGET_TGID: u32 = 0;

/// Device and inode of rtprobe's PID namespace; 0 in the initial one.
#[unsafe(no_mangle)]
pub(crate) static PID_NAMESPACE_DEV: u64 = 0;
#[unsafe(no_mangle)]
pub(crate) static PID_NAMESPACE_INO: u64 = 0;

/// Virtual address of the first byte that [`USER_TEXT`] speaks of.
#[unsafe(no_mangle)]
pub(crate) static TEXT_BASE: u64 = 0;

/// Reads a global that user space sets at load time.
///
/// The compiler must not fold the initial value, hence the volatile read.
#[inline(always)]
pub(crate) fn global<T: Copy>(global: &'static T) -> T {
    // SAFETY: a reference to a static is valid, aligned and initialised.
    unsafe { core::ptr::read_volatile(global) }
}
