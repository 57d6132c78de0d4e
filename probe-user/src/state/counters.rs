//! What the runtime counts of itself, since the process started.

use super::{
    StateError,
    runtime::{Found, Runtime, field},
};
use crate::{
    analyze::HeapStatsLayout,
    size_class::{LARGE, SIZES, TINY},
};

/// The statistics are kept in so many generations, whose sum is what counts (`consistentHeapStats`).
const GENERATIONS: usize = 3;
/// `gcControllerState.heapLive`.
const HEAP_LIVE: u32 = 104;
/// Reads of what is being moved from one generation to another.
const READS: usize = 3;

/// Objects by size class, those that are larger than all of them first, and bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Allocated {
    pub(super) by_class: Vec<u64>,
    pub(super) bytes: u64,
}

impl Allocated {
    pub(super) fn objects(&self) -> u64 {
        (self.by_class.iter()).fold(0, |all, of_class| all.wrapping_add(*of_class))
    }
}

impl Runtime<'_> {
    /// How many goroutines were started, the runtime's own included.
    ///
    /// Numbers are handed out to each P in batches; what it still holds has not been used.
    pub(super) fn goroutines_created(&self) -> Found<u64> {
        let layout = self.layout.p_goidcache;
        let goidcache = layout.ok_or(StateError::Layout { of: "p" })?;
        let handed_out = || self.word("sched", self.globals.sched, 0);
        let mut before = handed_out()?;
        let mut unused = 0;
        for _ in 0..READS {
            unused = 0;
            for p in self.processors()?.1 {
                let at = field(p, goidcache);
                let cache = self.memory.words::<2>(at);
                let [next, end] = cache.map_err(StateError::memory("goidcache"))?;
                unused += end.saturating_sub(next).min(1 << 16);
            }
            let after = handed_out()?;
            if after == before {
                break;
            }
            before = after;
        }
        Ok(before.saturating_sub(unused))
    }

    /// How many collections there were, and how many of them the program asked for.
    pub(super) fn gc_cycles(&self) -> Found<(u64, u64)> {
        let layout = self.layout.mstats_numgc;
        let offset = layout.ok_or(StateError::Layout { of: "mstats" })?;
        let both = self.word("memstats", self.globals.memstats, offset)?;
        Ok((both & u64::from(u32::MAX), both >> 32))
    }

    pub(super) fn gc_pause_ns(&self) -> Found<u64> {
        let layout = self.layout.mstats_pause_total_ns;
        let offset = layout.ok_or(StateError::Layout { of: "mstats" })?;
        self.word("memstats", self.globals.memstats, offset)
    }

    /// CPU time of marking, and of assists alone, as of the last collection's end. Marking on CPUs that would be idle
    /// is not among it: nobody else wanted them.
    pub(super) fn gc_cpu_ns(&self) -> Found<(u64, u64)> {
        let [assists, dedicated] = self.words("work.cpuStats", self.globals.cpu_stats, 0)?;
        Ok((assists.saturating_add(dedicated), assists))
    }

    /// What was allocated on the heap, objects smaller than a size class by their class. It is booked when a
    /// span is full: recent allocations are missing, by up to a span per class and P.
    pub(super) fn allocated(&self) -> Found<Allocated> {
        let layout = self.layout.heap_stats;
        let layout = layout.ok_or(StateError::Layout {
            of: "heapStatsDelta",
        })?;
        let at = self.variable("memstats", self.globals.memstats)?;
        let mut least: Option<Allocated> = None;
        for _ in 0..READS {
            let mut bytes = vec![0; layout.size as usize * GENERATIONS];
            let read = self.memory.read(at, &mut bytes);
            read.map_err(StateError::memory("memstats"))?;
            let sum = sum(&bytes, &layout);
            // While one generation is added to another, it is there twice for a moment: never too little.
            least = Some(match least {
                Some(least) if least.objects() <= sum.objects() => least,
                _ => sum,
            });
        }
        Ok(least.unwrap_or_default())
    }

    pub(super) fn heap_live_bytes(&self) -> Found<u64> {
        self.word("gcController", self.globals.gc_controller, HEAP_LIVE)
    }

    /// Calls to C: of the threads that are, and of those that were.
    pub(super) fn cgo_calls(&self) -> Found<u64> {
        let layout = self.layout.m.ok_or(StateError::Layout { of: "m" })?;
        let mut calls = self.word("ncgocall", self.globals.ncgocall, 0)?;
        for m in self.threads()? {
            let of_m = self.memory.words(field(m, layout.ncgocall));
            let [of_m] = of_m.map_err(StateError::memory("ncgocall"))?;
            calls = calls.saturating_add(of_m);
        }
        Ok(calls)
    }

    /// Timers in the heaps of all Ps: those that may fire. From Go 1.23 on, a timer with a channel is there
    /// only while somebody waits for it.
    pub(super) fn timers(&self) -> Found<u64> {
        let layout = self.layout.p_timers;
        let offset = layout.ok_or(StateError::Layout { of: "p" })?;
        let mut timers = 0_u64;
        for p in self.processors()?.1 {
            let of_p = self.memory.u32(field(p, offset));
            timers += u64::from(of_p.map_err(StateError::memory("timers"))?);
        }
        Ok(timers)
    }
}

/// Adds up all generations.
fn sum(bytes: &[u8], layout: &HeapStatsLayout) -> Allocated {
    let mut sum = Allocated {
        by_class: vec![0; SIZES.len()],
        bytes: 0,
    };
    for generation in bytes.chunks_exact(layout.size as usize) {
        let word = |offset: u32| {
            let word = generation.get(offset as usize..);
            word.and_then(<[u8]>::first_chunk)
                .map_or(0, |word| u64::from_le_bytes(*word))
        };
        sum.bytes = sum.bytes.wrapping_add(word(layout.large_alloc));
        for (class, (n, size)) in sum.by_class.iter_mut().zip(SIZES).enumerate() {
            let small = word(layout.small_alloc_count + class as u32 * 8);
            sum.bytes = sum.bytes.wrapping_add(small.wrapping_mul(size));
            // Tiny objects share a slot of their class, which is counted, with its bytes, too.
            let more = match class {
                LARGE => word(layout.large_alloc + 8),
                TINY => word(layout.tiny_alloc_count),
                _ => 0,
            };
            *n = n.wrapping_add(small).wrapping_add(more);
        }
    }
    sum
}
