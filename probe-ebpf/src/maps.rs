//! The programs' maps and globals: who writes them and who reads them.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    macros::map,
    maps::{Array, HashMap, RingBuf},
};
use probe_ebpf::abi::{
    CallPath, Counters, Flight, FlightKey, Gate, MAX_BUCKETS, MAX_IN_FLIGHT, MAX_PROBES, MAX_ROWS,
    MAX_SITES, MIN_SAMPLED_STACKS, N_ROLES, Pulse, Row, RowKey, SLOTS_SHIFT, SampleCounters,
    SampledStack, Site, Slot, Ticks, USUAL_BUCKETS,
};

/// Written by user space before attaching.
#[map]
pub(crate) static SITES: Array<Site> = Array::with_max_entries(MAX_SITES, 0);

/// Written by user space when a probe's links are on, and before they go; hits are counted here.
#[map]
pub(crate) static GATES: Array<Gate> = Array::with_max_entries(MAX_PROBES, BPF_F_MMAPABLE);

/// Written by user space while it is alive, and looked at here.
#[map]
pub(crate) static PULSE: Array<Pulse> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Written here when a window has reached its limit, which wakes the process that holds the links.
#[map]
pub(crate) static SHUT: RingBuf = RingBuf::with_byte_size(SHUT_BYTES, 0);

/// Written by user space before attaching, which also sets the number of entries.
#[map]
pub(crate) static USER_TEXT: Array<u64> = Array::with_max_entries(1, 0);

/// As [`USER_TEXT`].
#[map]
pub(crate) static OWN_TEXT: Array<u64> = Array::with_max_entries(1, 0);

/// As [`USER_TEXT`].
#[map]
pub(crate) static OUTSIDE_TEXT: Array<u64> = Array::with_max_entries(1, 0);

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

/// Taken and freed here, read by user space for what is still open.
#[map]
pub(crate) static SLOTS: Array<Slot> = Array::with_max_entries(1 << SLOTS_SHIFT, 0);

/// Written and deleted here, read by user space for what is still open. Never an LRU map: that would
/// forget without a word.
#[map]
pub(crate) static IN_FLIGHT: HashMap<FlightKey, Flight> =
    HashMap::with_max_entries(MAX_IN_FLIGHT, 0);

/// Counted up here, read by user space: small, as reading it takes as long as it is large.
#[map]
pub(crate) static BUCKETS: HashMap<u32, u64> = HashMap::with_max_entries(USUAL_BUCKETS, 0);

/// The buckets that [`BUCKETS`] had no room for.
#[map]
pub(crate) static MORE_BUCKETS: HashMap<u32, u64> = HashMap::with_max_entries(MAX_BUCKETS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static COUNTERS: Array<Counters> = Array::with_max_entries(MAX_PROBES, 0);

/// Written here, never deleted from. User space sets the number of entries, as of [`STACKS`].
#[map]
pub(crate) static STACK_OF: HashMap<u64, u32> = HashMap::with_max_entries(MIN_SAMPLED_STACKS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static STACKS: Array<SampledStack> = Array::with_max_entries(MIN_SAMPLED_STACKS, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static SAMPLE_COUNTERS: Array<SampleCounters> = Array::with_max_entries(1, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static SAMPLED: Array<Ticks> = Array::with_max_entries(N_ROLES, 0);

/// Counted up here, read by user space.
#[map]
pub(crate) static TICKS: Array<Ticks> = Array::with_max_entries(N_ROLES, BPF_F_MMAPABLE);

/// Bytes of the target's Go text.
#[unsafe(no_mangle)]
pub(crate) static TEXT_LEN: u64 = 0;

/// 1: the kernel tells where the registers of a thread that is in the kernel are (`bpf_task_pt_regs`, which
/// needs the kernel's own BTF).
#[unsafe(no_mangle)]
pub(crate) static HAS_TASK_REGS: u32 = 0;

/// The target's process id in rtprobe's own PID namespace.
#[unsafe(no_mangle)]
pub(crate) static TARGET_TGID: u32 = 0;

/// Device and inode of rtprobe's PID namespace; 0 in the initial one.
#[unsafe(no_mangle)]
pub(crate) static PID_NAMESPACE_DEV: u64 = 0;
#[unsafe(no_mangle)]
pub(crate) static PID_NAMESPACE_INO: u64 = 0;

/// What is added to addresses of the target's file to make those of the process, as far as that is known.
#[unsafe(no_mangle)]
pub(crate) static LOAD_BIAS: u64 = 0;

/// Offset of `g.startpc`; 0: not known, and no goroutine has a role.
#[unsafe(no_mangle)]
pub(crate) static STARTPC: u64 = 0;

/// What the main goroutine begins with, as a virtual address of the file.
#[unsafe(no_mangle)]
pub(crate) static MAIN: u64 = 0;

/// Virtual address of the first byte that [`USER_TEXT`] and its like speak of.
#[unsafe(no_mangle)]
pub(crate) static TEXT_BASE: u64 = 0;

/// The process that hits are measured on, in rtprobe's own PID namespace; 0: none.
#[unsafe(no_mangle)]
pub(crate) static CALIBRATION_TGID: u32 = 0;

/// One page, the least there is; a window writes 16 bytes.
const SHUT_BYTES: u32 = 4096;

/// Reads a global that user space sets at load time.
///
/// The compiler must not fold the initial value, hence the volatile read.
#[inline(always)]
pub(crate) fn global<T: Copy>(global: &'static T) -> T {
    // SAFETY: a reference to a static is valid, aligned and initialised.
    unsafe { core::ptr::read_volatile(global) }
}
