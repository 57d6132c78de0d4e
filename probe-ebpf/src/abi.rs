//! What the kernel programs and user space agree on: map names, sizes, keys and values.
//!
//! Padding is explicit everywhere: a map key with uninitialised bytes is a key that is never found again.

/// Return addresses the walk from a probed function outwards visits at most.
///
/// Growth of a map reaches the user's line after nine frames, a JSON decoder inside an HTTP server after
/// about twenty.
pub const MAX_FRAMES: usize = 32;

/// Probe sites of one run, and the largest value of a cookie plus one.
pub const MAX_SITES: u32 = 2048;
/// Logical probes of one run.
pub const MAX_PROBES: u32 = 32;
/// Call paths that are told apart; hits on further ones are counted as lost (`full`).
pub const MAX_ROWS: u32 = 1 << 14;
/// Slots for operations in flight. An operation that finds its [`FLIGHT_REACH`] slots taken is counted as lost
/// (`full`); with 100 000 in flight that happens to less than one in a hundred thousand.
pub const FLIGHT_SLOTS: u32 = 1 << FLIGHT_SLOTS_SHIFT;
const FLIGHT_SLOTS_SHIFT: u32 = 18;
/// Slots, one behind the other, that an operation may be in.
pub const FLIGHT_REACH: u32 = 32;
/// Histogram buckets in use over all call paths; values for further ones are counted as lost (`full`).
pub const MAX_BUCKETS: u32 = 1 << 17;

/// Bytes of text that one bit of the user-text bitmap stands for, as a power of two.
pub const TEXT_GRANULE_SHIFT: u32 = 4;
/// Bytes of text that one 64-bit word of the bitmap stands for, as a power of two.
pub const TEXT_WORD_SHIFT: u32 = TEXT_GRANULE_SHIFT + 6;

/// What happens at a probe site.
pub mod kind {
    /// An operation begins.
    pub const ENTRY: u8 = 0;
    /// An operation ends.
    pub const EXIT: u8 = 1;
    /// The runtime begins to panic: operations of the frames that called it will never end.
    pub const PANIC: u8 = 2;
}

/// How a site is read; bits of [`Site::flags`].
pub mod flag {
    /// The frame is set up: `rbp + 8` holds the return address, not `rsp`.
    pub const FRAME_SET_UP: u16 = 1 << 0;
    /// Ignore the hit when the return address lies in [`super::Site::ignore_low`]`..ignore_high`.
    pub const IGNORE_NESTED: u16 = 1 << 1;
    /// The function runs on g0 by `systemstack`: frames go on on the goroutine's own stack.
    pub const CROSS_STACK: u16 = 1 << 2;
    /// There is one such operation in the process at a time: pair without goroutine and depth.
    pub const ONE_AT_A_TIME: u16 = 1 << 3;
    /// `rax` holds the number of bytes asked for.
    pub const BYTES_IN_AX: u16 = 1 << 4;
    /// The low byte of `rax` holds a reason, part of the row's key.
    pub const REASON_IN_AX: u16 = 1 << 5;
    /// `rbx` holds the calling goroutine and `rcx` the return address into its code.
    pub const CALLER_IN_BX_CX: u16 = 1 << 6;
    /// The entry is all there is to see: a hit is a completed operation without a latency.
    pub const COUNT_ONLY: u16 = 1 << 15;
}

/// Condition of a site whose instruction is a conditional jump; values 0 to 15 are the x86 condition codes.
pub mod condition {
    /// The site always counts.
    pub const ALWAYS: u8 = 0xff;
}

/// Why a hit did not become a measured operation; indices of [`Row::lost`] and [`Counters::lost`].
pub mod lost {
    /// A later operation of the same goroutine began at the same depth: this one never ended.
    pub const STALE: usize = 0;
    /// The operation panicked.
    pub const PANIC: usize = 1;
    /// A map was full.
    pub const FULL: usize = 2;
    /// The end was seen, but it had begun before the probe was on.
    pub const ORPHAN: usize = 3;
    /// The clock went backwards.
    pub const CLOCK: usize = 4;
    /// Not a goroutine of the target: `r14` or `rsp` made no sense, or another process.
    pub const FOREIGN: usize = 5;
    pub const N: usize = 6;
    /// Names in the report, in the order of the indices.
    pub const NAMES: [&str; N] = ["stale", "panic", "full", "orphan", "clock", "foreign"];
}

/// One probe site. Written by user space before attaching, read by the programs; its index is the cookie.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Virtual address as stated in the file; `ip − vaddr` is the load bias.
    pub vaddr: u64,
    /// Virtual addresses of the function whose calls are ignored, see [`flag::IGNORE_NESTED`].
    pub ignore_low: u64,
    pub ignore_high: u64,
    pub flags: u16,
    pub probe: u8,
    pub kind: u8,
    pub condition: u8,
    pub padding: [u8; 3],
}

/// Identifies a row: one call path of one probe.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowKey {
    /// Hash of all return addresses from the probed function to the user's frame.
    pub path_hash: u64,
    /// The user's return address, or the last one seen.
    pub pc: u64,
    pub probe: u8,
    pub reason: u8,
    pub padding: [u8; 6],
}

/// Sums of one row. Only ever grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub hits: u64,
    pub completed: u64,
    pub bytes: u64,
    pub sum_ns: u64,
    pub max_ns: u64,
    /// `u64::MAX − minimum`, so that a zeroed row needs no set-up and the minimum is a maximum too.
    pub inverted_min_ns: u64,
    pub lost: [u64; lost::N],
}

/// The call path of one row: written once, before the row can be found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPath {
    /// 0: the row was never published.
    pub n_frames: u32,
    pub probe: u8,
    pub reason: u8,
    /// 1: the last frame is the user's.
    pub found_user: u8,
    pub padding: u8,
    /// Return addresses as virtual addresses of the file, innermost first.
    pub frames: [u64; MAX_FRAMES],
}

impl Default for CallPath {
    fn default() -> Self {
        Self {
            n_frames: 0,
            probe: 0,
            reason: 0,
            found_user: 0,
            padding: 0,
            frames: [0; MAX_FRAMES],
        }
    }
}

/// Identifies an operation in flight.
///
/// `depth` is `g.stack.hi − rsp` at the function's entry: unlike `rsp` it survives stack moves, unlike the
/// thread the goroutine does not change while it waits.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlightKey {
    pub g: u64,
    pub depth: u32,
    pub probe: u32,
}

impl FlightKey {
    /// Returns the first slot that an operation with this key may be in.
    #[inline(always)]
    pub const fn first_slot(&self) -> u32 {
        // Fibonacci hashing: the product's upper bits depend on all bits of the key.
        let low = (self.depth as u64) << 8 ^ self.probe as u64;
        let mixed = (self.g ^ low.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> (64 - FLIGHT_SLOTS_SHIFT)) as u32
    }

    /// Returns [`Flight::owner`] of an operation with this key: never 0.
    #[inline(always)]
    pub const fn owner(&self) -> u64 {
        // Goroutines are aligned to eight bytes at least.
        self.g | 1
    }
}

/// A slot: an operation in flight, or room for one.
///
/// A slot is taken by exchanging 0 for the owner, and given back by writing 0. In between only the goroutine that
/// took it writes it, so that the other fields need no atomics.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// The goroutine's address plus 1; 0: the slot is free.
    pub owner: u64,
    pub depth: u32,
    pub probe: u32,
    pub start_ns: u64,
    pub row: u32,
    pub padding: u32,
}

impl Flight {
    /// Returns the key of the operation, `None` where the slot is free.
    pub const fn key(&self) -> Option<FlightKey> {
        if self.owner == 0 {
            return None;
        }
        Some(FlightKey {
            g: self.owner & !1,
            depth: self.depth,
            probe: self.probe,
        })
    }
}

/// Hits of one probe that belong to no row.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub lost: [u64; lost::N],
}

/// Key of [`BUCKETS`]: row and bucket in one word.
pub const fn bucket_key(row: u32, bucket: u32) -> u32 {
    row << 12 | bucket
}

/// Splits a key of [`BUCKETS`] into row and bucket.
pub const fn split_bucket_key(key: u32) -> (u32, u32) {
    (key >> 12, key & 0xfff)
}

/// Whether the window is open, the only value of [`WINDOW`]. Links come on and off one after the other; the
/// window opens when all are on and closes before the first goes, so that what begins is seen to end.
pub mod window {
    pub const CLOSED: u32 = 0;
    pub const OPEN: u32 = 1;
}

/// Array with one `u32`, see [`window`].
pub const WINDOW: &str = "WINDOW";
/// Array of [`Site`], indexed by cookie.
pub const SITES: &str = "SITES";
/// Array of `u64`: which granules of text belong to the user's code.
pub const USER_TEXT: &str = "USER_TEXT";
/// Hash from [`RowKey`] to row number.
pub const ROW_OF: &str = "ROW_OF";
/// Array of [`Row`].
pub const ROWS: &str = "ROWS";
/// Array of [`CallPath`], by row number.
pub const CALL_PATHS: &str = "CALL_PATHS";
/// Array with one `u64`: the number of rows handed out.
pub const N_ROWS: &str = "N_ROWS";
/// Array of [`Flight`], a table with open addressing: see [`FlightKey::first_slot`].
pub const IN_FLIGHT: &str = "IN_FLIGHT";
/// Hash from [`bucket_key`] to a count.
pub const BUCKETS: &str = "BUCKETS";
/// Array of [`Counters`], by probe.
pub const COUNTERS: &str = "COUNTERS";

/// Name of the program.
pub const PROGRAM: &str = "operation";

const _: () = {
    assert!(size_of::<Site>() == 32);
    assert!(size_of::<RowKey>() == 24);
    assert!(size_of::<Row>() == 96);
    assert!(size_of::<CallPath>() == 8 + 8 * MAX_FRAMES);
    assert!(size_of::<FlightKey>() == 16);
    assert!(size_of::<Flight>() == 32);
    assert!(crate::bucket::N_BUCKETS <= 1 << 12);
    assert!(MAX_ROWS <= 1 << 20);
};

#[cfg(feature = "user")]
mod pod {
    macro_rules! pod {
        ($($name:ident),*) => {$(
            // SAFETY: `repr(C)`, made of integers only, and without implicit padding (asserted above).
            unsafe impl aya::Pod for super::$name {}
        )*};
    }
    pod!(Site, RowKey, Row, CallPath, FlightKey, Flight, Counters);
}
