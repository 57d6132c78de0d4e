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
pub const MAX_PROBES: u32 = 64;
/// Numbers from here on are of probes on rtprobe's own code, on which hits are measured.
pub const FIRST_OWN_PROBE: u8 = 60;
/// Call paths that are told apart; hits on further ones are counted as lost (`full`).
pub const MAX_ROWS: u32 = 1 << 14;
/// Slots for operations in flight, as a power of two.
pub const SLOTS_SHIFT: u32 = 15;
/// Operations in flight at the same time that have no slot; further ones are counted as lost (`full`).
pub const MAX_IN_FLIGHT: u32 = 1 << 17;
/// Histogram buckets in use over all call paths of most programs.
pub const USUAL_BUCKETS: u32 = 1 << 14;
/// Buckets beyond those; values for further ones are counted as lost (`full`).
pub const MAX_BUCKETS: u32 = 1 << 17;

/// Addresses of a CPU sample: the interrupted one and the return addresses of its callers. What lies further
/// out is left off.
pub const MAX_SAMPLED_FRAMES: usize = 64;
/// Stacks of CPU samples that are told apart where user space does not ask for more; samples of further ones
/// are counted as lost.
pub const MIN_SAMPLED_STACKS: u32 = 1 << 13;

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
    /// An operation without a duration: counted as begun and completed at once.
    pub const EVENT: u8 = 3;
}

/// How a site is read; bits of [`Site::flags`].
pub mod flag {
    /// The frame is set up: `rbp + 8` holds the return address, not `rsp`.
    pub const FRAME_SET_UP: u16 = 1 << 0;
    /// Ignore the hit when the return address lies in [`super::Site::low`]`..high`.
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
    /// Ignore the hit unless the return address lies in [`super::Site::low`]`..high`.
    pub const ONLY_NESTED: u16 = 1 << 7;
    /// `rax` holds a goroutine that is off its stack: the call path begins where `g.sched` says.
    /// [`super::Site::offsets`] holds the offset of `g.sched.bp`.
    pub const PATH_OF_AX: u16 = 1 << 8;
    /// With [`PATH_OF_AX`]: `g.sched.pc` lies in a function that has not set up its frame yet, and `g.sched.sp`
    /// points to its return address.
    pub const GROWING: u16 = 1 << 9;
    /// `rax` holds a goroutine that is about to run: it counts when it runs for the first time, and its call
    /// path is the `go` statement. [`super::Site::offsets`] holds the offsets of `g.startpc` and `g.gopc`.
    pub const STARTS_AX: u16 = 1 << 10;
    /// An end without a begin is nothing: what it ends may have ended before, or has no begin at all.
    pub const MAY_HAVE_NO_BEGIN: u16 = 1 << 11;
    /// The site lies in a call that was inlined into the user's code: the call path is the site itself.
    pub const AT_SITE: u16 = 1 << 12;
    /// With [`BYTES_IN_AX`]: where `rax` is 0 the operation ends as it begins, and passes no exit site.
    pub const ENDS_AT_ZERO: u16 = 1 << 13;
    /// `rax` holds a channel: which one, and whether it is that of the hit before, see [`super::Row::channel`].
    pub const CHANNEL_IN_AX: u16 = 1 << 14;
    /// The kernel single-steps the instruction.
    pub const STEPPED: u16 = 1 << 15;
}

/// Under which [`FlightKey`] the begin and the end of an operation meet; values of [`Site::key`].
pub mod key {
    /// Goroutine and depth of the frame.
    pub const FRAME: u8 = 0;
    /// The current goroutine.
    pub const GOROUTINE: u8 = 1;
    /// What `rax` holds: a goroutine.
    pub const AX: u8 = 2;
    /// What `rbx` holds: no goroutine.
    pub const BX: u8 = 3;
    /// What `rsi` holds: no goroutine.
    pub const SI: u8 = 4;
    /// The word at `rax` plus the first of [`super::Site::offsets`]: no goroutine.
    pub const WORD_AT_AX: u8 = 5;
    /// [`super::FlightKey::depth`] where [`super::FlightKey::g`] is not a goroutine.
    pub const NO_GOROUTINE: u32 = u32::MAX;
}

/// What the detail of a row is; values of [`Site::detail`]. A register, by one of the first constants, may be
/// combined with one of [`BYTE`](detail::BYTE), [`ADDRESS`](detail::ADDRESS) and
/// [`POSITIVE`](detail::POSITIVE).
pub mod detail {
    pub const NONE: u8 = 0;
    pub const AX: u8 = 1;
    pub const BX: u8 = 2;
    pub const CX: u8 = 3;
    pub const DI: u8 = 4;
    pub const SI: u8 = 5;
    pub const R8: u8 = 6;
    /// The register's low byte: Go leaves the other bits of a `bool` undefined.
    pub const BYTE: u8 = 0x10;
    /// The register as a virtual address of the file; 0 stays 0.
    pub const ADDRESS: u8 = 0x20;
    /// 1 where the register is positive, else 0.
    pub const POSITIVE: u8 = 0x40;
    /// `rax` is a channel, `rbx` points to an element, `cl` tells whether the operation may block: see
    /// [`super::channel`].
    pub const CHANNEL: u8 = 0x80;
    /// `rax` is a map type: the size of its elements in bytes. Elements up to the second of
    /// [`super::Site::offsets`] don't count; the first is the offset of the element's type.
    pub const MAP_ELEMENT: u8 = 0x81;
    /// `rdi` points to a function value: the virtual address of its code; 0 where there is none.
    pub const FUNCTION_AT_DI: u8 = 0x82;
}

/// The bits of a detail of kind [`detail::CHANNEL`].
pub mod channel {
    /// Bytes of an element (runtime.hchan.elemsize is 16 bits wide).
    pub const SIZE: u64 = 0xffff;
    /// The element lies in [`super::Site::low`]`..high`, the binary's read-only data, or has no bytes.
    pub const CONSTANT: u64 = 1 << 16;
    /// The element lies on the goroutine's stack.
    pub const ON_STACK: u64 = 1 << 17;
    /// The operation waits when it can't be done at once.
    pub const BLOCKING: u64 = 1 << 18;
}

/// Which ends are noted; values of [`Site::note`].
pub mod note {
    pub const NEVER: u8 = 0;
    pub const ALWAYS: u8 = 1;
    /// The low byte of `rax`, a `bool` result, is 0.
    pub const AX_FALSE: u8 = 2;
    /// `rax` is negative.
    pub const AX_NEGATIVE: u8 = 3;
    /// The byte of the current goroutine at the first of [`super::Site::offsets`] is not 0.
    pub const BYTE_OF_G: u8 = 4;
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
    /// The window closed before the operation ended.
    pub const WINDOW: usize = 6;
    pub const N: usize = 7;
    /// Names in the report, in the order of the indices.
    pub const NAMES: [&str; N] = [
        "stale", "panic", "full", "orphan", "clock", "foreign", "window",
    ];
}

/// One probe site. Written by user space before attaching, read by the programs; its index is the cookie.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Virtual address as stated in the file; `ip − vaddr` is the load bias.
    pub vaddr: u64,
    /// A range of virtual addresses, see [`flag::IGNORE_NESTED`], [`flag::ONLY_NESTED`] and
    /// [`channel::CONSTANT`].
    pub low: u64,
    pub high: u64,
    pub flags: u16,
    pub probe: u8,
    pub kind: u8,
    pub condition: u8,
    /// See [`mod@detail`].
    pub detail: u8,
    /// See [`mod@note`].
    pub note: u8,
    /// See [`mod@key`].
    pub key: u8,
    /// Of fields in structs of the runtime, or limits; what reads them says which.
    pub offsets: [u16; 4],
    /// What the probes add between the two clocks of an operation that begins here; where one ends, the most
    /// that they add to any.
    pub bias_ns: u32,
    pub padding: u32,
}

/// Identifies a row: one call path of one probe.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowKey {
    /// Hash of all return addresses from the probed function to the user's frame.
    pub path_hash: u64,
    /// The user's return address, or the last one seen.
    pub pc: u64,
    /// What the operation was about, see [`mod@detail`].
    pub detail: u64,
    pub probe: u8,
    pub reason: u8,
    /// In two words: an array of bytes is filled by a call.
    pub padding: u16,
    pub padding_2: u32,
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
    /// Completed operations that met the condition of their end, see [`mod@note`].
    pub noted: u64,
    pub lost: [u64; lost::N],
    /// Address of the channel of the last hit, see [`flag::CHANNEL_IN_AX`].
    pub channel: u64,
    /// That of the last hit that was on another one, shifted by [`CHANGES_BITS`], and below it how often there was
    /// another one than before, around.
    pub channel_before: u64,
}

/// User space has addresses of 47 bits.
pub const CHANGES_BITS: u32 = 16;
/// See [`Row::channel_before`].
pub const CHANGES_MASK: u64 = (1 << CHANGES_BITS) - 1;

/// The call path of one row: written once, before the row can be found.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallPath {
    /// 0: the row was never published.
    pub n_frames: u32,
    pub probe: u8,
    pub reason: u8,
    /// Of the goroutine that was there first, see [`role_of`].
    pub role: u16,
    /// As in [`RowKey`].
    pub detail: u64,
    /// Code inside of the first frame, as a virtual address of the file, where what happens there is no call; else 0.
    pub inner: u64,
    /// Return addresses as virtual addresses of the file, innermost first: up to the first of the user's those of the row,
    /// beyond that of whoever was there first.
    pub frames: [u64; MAX_FRAMES],
}

impl Default for CallPath {
    fn default() -> Self {
        Self {
            n_frames: 0,
            probe: 0,
            reason: 0,
            role: NO_ROLE,
            detail: 0,
            inner: 0,
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

/// An operation in flight.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    /// When it began, the probes' own time added: the end minus this is the net duration.
    pub start_ns: u64,
    pub row: u32,
    /// [`Gate::epoch`] at the begin: what began in another window is not the operation that ends here.
    pub epoch: u32,
}

/// A place for one operation in flight that is known by its frame: which one, its goroutine and probe decide.
///
/// To claim it and to free it is one write each, where a hash inserts and deletes; and as it knows where the
/// frame was, its end needs no look at the target's memory while the stack has not moved. Whoever finds it
/// taken goes into the hash.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// See [`Slot::owner`]; 0: free. Only the owner's goroutine writes to a slot that is taken.
    pub owner: u64,
    /// Address of the frame's return address at the begin.
    pub return_slot: u64,
    pub flight: Flight,
    /// As in [`FlightKey`].
    pub depth: u32,
    pub padding: u32,
}

impl Slot {
    /// A bit above every probe's number: no owner is 0.
    const TAKEN: u64 = 1 << 7;

    /// A goroutine and a probe in one word: addresses have 47 bits.
    #[inline]
    pub const fn owner(g: u64, probe: u8) -> u64 {
        g << 8 | Self::TAKEN | probe as u64
    }

    /// Where the slot of `owner` is: Fibonacci hashing, whose upper bits depend on all of the word's.
    #[inline]
    pub const fn index(owner: u64) -> u32 {
        (owner.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS_SHIFT)) as u32
    }

    /// Returns the operation in it, if there is one.
    pub const fn taken(&self) -> Option<(FlightKey, Flight)> {
        if self.owner == 0 {
            return None;
        }
        let key = FlightKey {
            g: self.owner >> 8,
            depth: self.depth,
            probe: (self.owner & (Self::TAKEN - 1)) as u32,
        };
        Some((key, self.flight))
    }
}

/// Hits of one probe that belong to no row.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub lost: [u64; lost::N],
}

/// What a CPU sample found; bits of [`SampledStack::flags`].
pub mod sampled {
    /// The thread was in the kernel: a system call, a page fault, an interrupt.
    pub const IN_KERNEL: u32 = 1 << 0;
    /// There were more frames than there is room for.
    pub const CUT: u32 = 1 << 1;
}

/// A stack that the CPU was sampled at, and how often. Written once but for `samples`, which only grows.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledStack {
    /// 0: the row was never published.
    pub samples: u64,
    pub n_frames: u32,
    /// See [`sampled`].
    pub flags: u32,
    /// The words at `rsp` and `rsp + 8` where they may be return addresses, else 0. A function that has not
    /// set up its frame yet, or never does, has its caller there, and the chain of frame pointers passes
    /// that caller over.
    pub top: [u64; 2],
    /// Addresses in the process: the interrupted one, then return addresses, innermost first.
    pub frames: [u64; MAX_SAMPLED_FRAMES],
}

impl Default for SampledStack {
    fn default() -> Self {
        Self {
            samples: 0,
            n_frames: 0,
            flags: 0,
            top: [0; 2],
            frames: [0; MAX_SAMPLED_FRAMES],
        }
    }
}

/// CPU samples over all stacks.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleCounters {
    /// Samples that found a thread of the target on the CPU.
    pub total: u64,
    /// Of those, the ones without room for their stack.
    pub full: u64,
    /// Rows handed out, some of which may not have been published.
    pub n_stacks: u64,
}

/// Goroutines that began with the same function have one role; those of several may share a number.
pub const N_ROLES: u32 = 1 << 10;
/// The role of whatever is no goroutine of the program's own: the scheduler, the collector.
pub const NO_ROLE: u16 = 0;

/// Returns the role of goroutines that began with the function at `start`, a virtual address of the file.
#[inline]
pub const fn role_of(start: u64) -> u16 {
    let hash = start.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (1 + hash % (N_ROLES as u64 - 1)) as u16
}

/// What a clock found of the goroutines of one role.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// A thread of the target that ran one of them.
    pub target: u64,
    /// Of those, the ones outside of the runtime and of the kernel, and the time that they stand for.
    pub outside: u64,
    pub outside_ns: u64,
}

/// Key of [`BUCKETS`]: row and bucket in one word.
pub const fn bucket_key(row: u32, bucket: u32) -> u32 {
    row << 12 | bucket
}

/// Splits a key of [`BUCKETS`] into row and bucket.
pub const fn split_bucket_key(key: u32) -> (u32, u32) {
    (key >> 12, key & 0xfff)
}

/// The window of one probe, mapped into user space. Its links come on one after the other; the window opens
/// when all are on and closes before the first goes, so that what begins is seen to end.
///
/// The first cache line is written by user space, but when a limit is reached; the second one is counted up by the
/// programs.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// 1: operations that begin are counted.
    pub open: u64,
    /// Number of the window.
    pub epoch: u64,
    /// Value of `begun` from which on the programs return at once.
    pub limit: u64,
    /// When a limit was reached, by the monotonic clock.
    pub shut_ns: u64,
    /// Values of `emulated` and `stepped` at which the programs lower `limit` to what has begun: a trap costs the
    /// target something whether it is an operation or not.
    pub most_emulated: u64,
    pub most_stepped: u64,
    pub padding: [u64; 2],
    /// Operations begun while the window was open, those beyond the limit included.
    pub begun: u64,
    /// Hits of emulated sites, whether the window was open or not: what the target paid for.
    pub emulated: u64,
    /// The same of single-stepped sites.
    pub stepped: u64,
    pub padding_2: [u64; 5],
}

/// Whether user space is alive. It writes the first word, the programs the others.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// When it was last seen, by the monotonic clock; 0: it does not say.
    pub beat_ns: u64,
    /// The kernel's tick at which the programs compared that with the clock.
    pub looked_at: u64,
    /// What they found: 1 where the beat was too old.
    pub is_abandoned: u64,
}

/// Age of the heartbeat from which on the programs return at once, in nanoseconds.
pub const STALE_BEAT_NS: u64 = 3_000_000_000;

/// Array of [`Gate`], by probe; can be mapped.
pub const GATES: &str = "GATES";
/// Array with one [`Pulse`], which can be mapped.
pub const PULSE: &str = "PULSE";
/// Ring buffer of `u64`: the index of a probe whose window has reached its limit.
pub const SHUT: &str = "SHUT";
/// Array of [`Site`], indexed by cookie.
pub const SITES: &str = "SITES";
/// Array of `u64`: which granules of text belong to the user's code.
pub const USER_TEXT: &str = "USER_TEXT";
/// The same of the program's own code: the rest of the user's is in modules that somebody else wrote.
pub const OWN_TEXT: &str = "OWN_TEXT";
/// The same of what takes as long as it takes, whatever the runtime and the kernel do: all code outside of them.
pub const OUTSIDE_TEXT: &str = "OUTSIDE_TEXT";
/// Hash from [`RowKey`] to row number.
pub const ROW_OF: &str = "ROW_OF";
/// Array of [`Row`].
pub const ROWS: &str = "ROWS";
/// Array of [`CallPath`], by row number.
pub const CALL_PATHS: &str = "CALL_PATHS";
/// Array with one `u64`: the number of rows handed out.
pub const N_ROWS: &str = "N_ROWS";
/// Array of [`Slot`].
pub const SLOTS: &str = "SLOTS";
/// Hash from [`FlightKey`] to [`Flight`]: what has no slot.
pub const IN_FLIGHT: &str = "IN_FLIGHT";
/// Hash from [`bucket_key`] to a count.
pub const BUCKETS: &str = "BUCKETS";
/// The same of those that there was no room for in [`BUCKETS`].
pub const MORE_BUCKETS: &str = "MORE_BUCKETS";
/// Array of [`Counters`], by probe.
pub const COUNTERS: &str = "COUNTERS";

/// Hash from a stack's hash to its row.
pub const STACK_OF: &str = "STACK_OF";
/// Array of [`SampledStack`].
pub const STACKS: &str = "STACKS";
/// Array with one [`SampleCounters`].
pub const SAMPLE_COUNTERS: &str = "SAMPLE_COUNTERS";
/// Array of [`Ticks`] by role: what the sampling clock found.
pub const SAMPLED: &str = "SAMPLED";
/// The same of the fine clock, which ticks in windows only; it can be mapped.
pub const TICKS: &str = "TICKS";

/// Name of the program.
pub const PROGRAM: &str = "operation";
/// Name of the program that samples the CPUs.
pub const SAMPLE_PROGRAM: &str = "cpu_sample";
/// Name of the program that does so finely, in windows.
pub const TICK_PROGRAM: &str = "fine_tick";

const _: () = {
    assert!(size_of::<Site>() == 48);
    assert!(size_of::<RowKey>() == 32);
    assert!(size_of::<Row>() == 128);
    assert!(size_of::<CallPath>() == 24 + 8 * MAX_FRAMES);
    assert!(size_of::<FlightKey>() == 16);
    assert!(size_of::<Flight>() == 16);
    assert!(size_of::<Slot>() == 40);
    assert!(MAX_PROBES as u64 <= Slot::TAKEN);
    assert!(size_of::<Gate>() == 128);
    assert!(size_of::<SampledStack>() == 32 + 8 * MAX_SAMPLED_FRAMES);
    assert!(size_of::<SampleCounters>() == 24);
    assert!(size_of::<Ticks>() == 24);
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
    pod!(
        Site, RowKey, Row, CallPath, FlightKey, Flight, Slot, Counters, Gate
    );
    pod!(SampledStack, SampleCounters, Ticks);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_side_by_side_have_roles_of_their_own() {
        let mut roles: Vec<u16> = (0..16).map(|n| role_of(0x0048_3a20 + n * 96)).collect();
        assert!(
            roles
                .iter()
                .all(|role| *role != NO_ROLE && u32::from(*role) < N_ROLES)
        );
        roles.sort_unstable();
        roles.dedup();
        assert!(roles.len() >= 15, "{}", roles.len());
    }

    #[test]
    fn a_slot_says_whose_it_is() {
        let flight = Flight {
            start_ns: 1,
            row: 2,
            epoch: 3,
        };
        let slot = Slot {
            owner: Slot::owner(0x7fff_ffff_fff8, 0),
            return_slot: 0,
            flight,
            depth: 96,
            padding: 0,
        };
        let key = FlightKey {
            g: 0x7fff_ffff_fff8,
            depth: 96,
            probe: 0,
        };
        assert_eq!(slot.taken(), Some((key, flight)));
        assert_eq!(Slot::default().taken(), None);
    }

    #[test]
    fn goroutines_side_by_side_have_slots_of_their_own() {
        const SIZE_OF_G: u64 = 448;
        let mut found: Vec<u32> = (0..1000)
            .map(|n| Slot::index(Slot::owner(0x00c0_0000_61c0 + n * SIZE_OF_G, 2)))
            .collect();
        assert!(found.iter().all(|index| *index < 1 << SLOTS_SHIFT));
        found.sort_unstable();
        found.dedup();
        assert!(found.len() > 970, "{}", found.len());
    }
}
