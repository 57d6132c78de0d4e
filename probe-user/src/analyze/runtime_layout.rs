//! Where the fields of the runtime's structs are that its counters and settings are in: from DWARF, else by
//! Go version; of `runtime.m`, whose fields move between patch releases, from instructions.
//!
//! The same in every release from Go 1.21 to 1.27 and therefore constants where they are read:
//! `gcControllerState` {gcPercent 0, memoryLimit 8, heapLive 104}, `cpuStats` {assists 0, dedicated 8, idle
//! 16}, `bucket` {allnext 8, typ 16, size 32, nstk 40, 48 bytes}, `mstats.heapStats` 0, `schedt.goidgen` 0.

use std::collections::HashMap;

use super::{GoVersion, dwarf::StructFields, runtime_globals::RuntimeGlobals};

/// Size classes of the allocator, in every version (`internal/runtime/gc/sizeclasses.go`).
const SIZE_CLASSES: u32 = 68;

/// Larger than any `heapStatsDelta`, in bytes.
const MAX_HEAP_STATS: u32 = 1 << 14;

/// The structs that are asked for, without their package.
const STRUCTS: &[&str] = &[
    "g",
    "gobuf",
    "m",
    "p",
    "mstats",
    "heapStatsDelta",
    "memRecordCycle",
    "hchan",
    "timers",
];

/// Up to Go 1.22 a `p` had its timers in its own fields; a struct that is not there would be searched to the
/// section's end.
const TIMERS_SINCE: (u32, u32) = (1, 23);

/// Offsets in bytes; `None` where they are not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuntimeLayout {
    pub m: Option<MLayout>,
    /// `m.lockedExt`; `None` too where the program can't lock a goroutine to a thread.
    pub m_locked_ext: Option<u32>,
    /// `m.procid`, 64 bits: the thread's number in its own namespace.
    pub m_procid: Option<u32>,
    /// `p.goidcache`, followed by `goidcacheend`.
    pub p_goidcache: Option<u32>,
    /// The number of timers of a `p`, 32 bits.
    pub p_timers: Option<u32>,
    /// `mstats.numgc`, followed by `numforcedgc`, 32 bits each.
    pub mstats_numgc: Option<u32>,
    pub mstats_pause_total_ns: Option<u32>,
    pub heap_stats: Option<HeapStatsLayout>,
    /// Size of a `memRecordCycle`: 32, or 16 where bytes are not kept beside objects (from Go 1.27).
    pub mem_record_cycle: Option<u32>,
    /// `hchan.sendx`, followed by `recvx`, 64 bits each.
    pub hchan_sendx: Option<u32>,
}

/// Offsets in `runtime.m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MLayout {
    pub alllink: u32,
    pub ncgocall: u32,
}

/// Offsets in `runtime.heapStatsDelta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapStatsLayout {
    pub tiny_alloc_count: u32,
    /// Bytes; followed by their number.
    pub large_alloc: u32,
    /// One word per size class.
    pub small_alloc_count: u32,
    /// Of the whole record.
    pub size: u32,
}

/// {p.goidcache, number of timers in p, mstats.numgc, mstats.pause_total_ns,
/// heapStatsDelta.tinyAllocCount, size of memRecordCycle, m.procid, hchan.sendx} by minor release, read from DWARF.
const BY_MINOR: &[(u32, [u32; 8])] = &[
    (21, [384, 8864, 7704, 3600, 48, 32, 72, 40]),
    (22, [384, 8896, 7704, 3600, 48, 32, 72, 40]),
    (23, [376, 8872, 7704, 3600, 48, 32, 72, 48]),
    (24, [376, 8872, 7704, 3600, 48, 32, 72, 48]),
    (25, [376, 9424, 7680, 3576, 40, 32, 64, 48]),
    (26, [384, 13704, 7680, 3576, 40, 32, 64, 48]),
    (27, [384, 13704, 7680, 3576, 40, 16, 64, 48]),
];

/// `alllink` lies this far behind `ncgocall` in every release that was looked at.
const ALLLINK_BEHIND_NCGOCALL: u32 = 32;

/// Returns the names of the structs to look for.
pub(super) fn structs(version: Option<GoVersion>) -> &'static [&'static str] {
    let before = version.is_some_and(|version| version.release() < TIMERS_SINCE);
    match STRUCTS.split_last() {
        Some((_, without_timers)) if before => without_timers,
        _ => STRUCTS,
    }
}

impl RuntimeLayout {
    /// Takes each offset from the best source that has it.
    pub(super) fn find(
        structs: &HashMap<&'static str, StructFields>,
        version: Option<GoVersion>,
        globals: &RuntimeGlobals,
    ) -> Self {
        let debug = Self::from_dwarf(structs);
        let known = Self::by_version(version).unwrap_or_default();
        let code = globals.ncgocall_offset.and_then(|ncgocall| {
            let alllink = ncgocall.checked_add(ALLLINK_BEHIND_NCGOCALL)?;
            Some(MLayout { alllink, ncgocall })
        });
        Self {
            m: debug.m.or(code),
            m_locked_ext: debug.m_locked_ext.or(globals.locked_ext_offset),
            m_procid: debug.m_procid.or(known.m_procid),
            p_goidcache: debug.p_goidcache.or(known.p_goidcache),
            p_timers: debug.p_timers.or(known.p_timers),
            mstats_numgc: debug.mstats_numgc.or(known.mstats_numgc),
            mstats_pause_total_ns: debug.mstats_pause_total_ns.or(known.mstats_pause_total_ns),
            heap_stats: debug.heap_stats.or(known.heap_stats),
            mem_record_cycle: debug.mem_record_cycle.or(known.mem_record_cycle),
            hchan_sendx: debug.hchan_sendx.or(known.hchan_sendx),
        }
    }

    fn by_version(version: Option<GoVersion>) -> Option<Self> {
        let version = version.filter(|version| version.major == 1)?;
        let (_, fields) = BY_MINOR.iter().find(|(minor, _)| *minor == version.minor)?;
        let [
            goidcache,
            timers,
            numgc,
            pause_total_ns,
            tiny,
            cycle,
            procid,
            sendx,
        ] = *fields;
        Some(Self {
            m: None,
            m_locked_ext: None,
            m_procid: Some(procid),
            p_goidcache: Some(goidcache),
            p_timers: Some(timers),
            mstats_numgc: Some(numgc),
            mstats_pause_total_ns: Some(pause_total_ns),
            heap_stats: HeapStatsLayout::behind(tiny),
            mem_record_cycle: Some(cycle),
            hchan_sendx: Some(sendx),
        })
    }

    fn from_dwarf(structs: &HashMap<&'static str, StructFields>) -> Self {
        let offset = |name: &str, field| structs.get(name).and_then(|fields| fields.offset(field));
        let timers = || offset("p", "timers")?.checked_add(offset("timers", "len")?);
        let m = || {
            Some(MLayout {
                alllink: offset("m", "alllink")?,
                ncgocall: offset("m", "ncgocall")?,
            })
        };
        let cycle = || match offset("memRecordCycle", "alloc_bytes") {
            Some(_) => Some(32),
            None => offset("memRecordCycle", "frees").map(|_| 16),
        };
        let heap_stats = || {
            let first = offset("heapStatsDelta", "smallAllocCount")?;
            let last = offset("heapStatsDelta", "smallFreeCount")?;
            let size = last.checked_add(SIZE_CLASSES.checked_mul(8)?)?;
            let layout = HeapStatsLayout {
                tiny_alloc_count: offset("heapStatsDelta", "tinyAllocCount")?,
                large_alloc: offset("heapStatsDelta", "largeAlloc")?,
                small_alloc_count: first,
                size,
            };
            // In memory it is read whole, and its fields are inside.
            let inside = first < last && layout.large_alloc < last && size <= MAX_HEAP_STATS;
            inside.then_some(layout)
        };
        Self {
            m: m(),
            m_locked_ext: offset("m", "lockedExt"),
            m_procid: offset("m", "procid"),
            p_goidcache: offset("p", "goidcache"),
            p_timers: offset("p", "numTimers").or_else(timers),
            mstats_numgc: offset("mstats", "numgc"),
            mstats_pause_total_ns: offset("mstats", "pause_total_ns"),
            heap_stats: heap_stats(),
            mem_record_cycle: cycle(),
            hchan_sendx: offset("hchan", "sendx"),
        }
    }
}

impl HeapStatsLayout {
    /// {tinyAllocCount, largeAlloc, largeAllocCount, smallAllocCount [68], largeFree, largeFreeCount,
    /// smallFreeCount [68]} follow each other in every version; what comes before differs.
    fn behind(tiny_alloc_count: u32) -> Option<Self> {
        let classes = SIZE_CLASSES.checked_mul(8)?;
        let small = tiny_alloc_count.checked_add(24)?;
        Some(Self {
            tiny_alloc_count,
            large_alloc: tiny_alloc_count.checked_add(8)?,
            small_alloc_count: small,
            size: small
                .checked_add(classes)?
                .checked_add(16)?
                .checked_add(classes)?,
        })
    }
}
