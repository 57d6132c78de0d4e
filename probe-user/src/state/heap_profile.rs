//! The runtime's own memory profile, one bucket per allocating call path and size (src/runtime/mprof.go).
//!
//! The runtime samples one allocation per `MemProfileRate` bytes and publishes frees when a collection has
//! ended: what is live is as of then, what was allocated is up to now.

use std::collections::HashMap;

use super::{
    StateError,
    names::Names,
    runtime::{Found, Runtime, field},
};
use crate::{
    address::{ProcAddr, VirtAddr},
    observed::HeapSite,
};

/// Far more than programs have; each takes two reads.
const MAX_BUCKETS: usize = 1 << 17;
/// `runtime.bucket` without what follows it.
const BUCKET: u32 = 48;
/// `bucketType` of the memory profile.
const MEM_PROFILE: u64 = 1;
/// Frames of a stack; `GODEBUG=profstackdepth` goes up to 1024.
const MAX_STACK: u64 = 1024;
/// Allocations that were published, and three cycles that were not.
const CYCLES: usize = 4;

/// One bucket, as it is in memory.
#[derive(Clone, Debug)]
struct Bucket {
    /// Bytes of each object.
    size: u64,
    /// Return addresses, innermost first.
    stack: Vec<u64>,
    allocated: Sampled,
    live: Sampled,
}

/// Sampled objects and bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Sampled {
    objects: u64,
    bytes: u64,
}

/// Objects and bytes as the program made them.
#[derive(Clone, Copy, Debug, Default)]
struct Estimate {
    objects: f64,
    bytes: f64,
    objects_variance: f64,
    bytes_variance: f64,
}

impl Runtime<'_> {
    /// Returns the profile by call path, the largest allocators first.
    pub(super) fn heap_profile(&self, names: &Names<'_>) -> Found<Vec<HeapSite>> {
        let rate = self.mem_profile_rate()?;
        if rate == 0 {
            return Err(StateError::NoMemoryProfile);
        }
        let mut sums: HashMap<Vec<u64>, [Estimate; 2]> = HashMap::new();
        for bucket in self.buckets()? {
            let [allocated, live] = sums.entry(bucket.stack).or_default();
            allocated.add(bucket.allocated, bucket.size, rate);
            live.add(bucket.live, bucket.size, rate);
        }
        let mut sites: Vec<_> = sums
            .into_iter()
            .map(|(stack, [allocated, live])| {
                let calls = self.calls(&stack);
                HeapSite {
                    stack: names.logical_stack(&calls),
                    user_frame: names.user_frame(&calls),
                    allocated_objects: allocated.objects.round() as u64,
                    allocated_bytes: allocated.bytes.round() as u64,
                    objects_variance: allocated.objects_variance,
                    bytes_variance: allocated.bytes_variance,
                    live_objects: live.objects.round() as u64,
                    live_bytes: live.bytes.round() as u64,
                }
            })
            .collect();
        sites.sort_by_key(|site| std::cmp::Reverse((site.allocated_bytes, site.allocated_objects)));
        Ok(sites)
    }

    fn buckets(&self) -> Found<Vec<Bucket>> {
        let cycle = self.layout.mem_record_cycle;
        let cycle = cycle.ok_or(StateError::Layout {
            of: "memRecordCycle",
        })?;
        let mut found = Vec::new();
        let mut next = self.word("mbuckets", self.globals.mbuckets, 0)?;
        while next != 0 && found.len() < MAX_BUCKETS {
            let (bucket, after) = self.bucket(ProcAddr(next), cycle)?;
            found.push(bucket);
            next = after;
        }
        Ok(found)
    }

    /// Reads a bucket, and where the next one is.
    fn bucket(&self, at: ProcAddr, cycle: u32) -> Found<(Bucket, u64)> {
        let [_, next, kind, _, size, depth] = self
            .memory
            .words(at)
            .map_err(StateError::memory("mbuckets"))?;
        if kind != MEM_PROFILE || depth > MAX_STACK {
            return Err(StateError::Implausible {
                what: "mbuckets",
                found: format!("a bucket of type {kind} with {depth} frames"),
            });
        }
        let stack = depth as usize * 8;
        let mut bytes = vec![0; stack + cycle as usize * CYCLES];
        self.memory
            .read(field(at, BUCKET), &mut bytes)
            .map_err(StateError::memory("mbuckets"))?;
        let words: Vec<u64> = bytes
            .as_chunks()
            .0
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect();
        let (stack, cycles) = words.split_at_checked(depth as usize).unwrap_or_default();
        let mut of_cycles = cycles.chunks(cycle as usize / 8).map(|cycle| {
            let [allocs, frees, bytes @ ..] = cycle else {
                return [Sampled::default(); 2];
            };
            // Since Go 1.27 bytes are not kept beside the objects, which are all of one size.
            let (alloc_bytes, free_bytes) = match bytes {
                [allocs, frees] => (*allocs, *frees),
                _ => (allocs.wrapping_mul(size), frees.wrapping_mul(size)),
            };
            let sampled = |objects, bytes| Sampled { objects, bytes };
            [sampled(*allocs, alloc_bytes), sampled(*frees, free_bytes)]
        });
        let [mut allocated, freed] = of_cycles.next().unwrap_or_default();
        let live = Sampled {
            objects: allocated.objects.saturating_sub(freed.objects),
            bytes: allocated.bytes.saturating_sub(freed.bytes),
        };
        for [more, _] in of_cycles {
            allocated.objects = allocated.objects.wrapping_add(more.objects);
            allocated.bytes = allocated.bytes.wrapping_add(more.bytes);
        }
        let bucket = Bucket {
            size,
            stack: stack.to_vec(),
            allocated,
            live,
        };
        Ok((bucket, next))
    }

    /// Returns the calls that lead to return addresses. The runtime has one for each frame, inlined ones
    /// included (src/runtime/traceback.go `tracebackPCs`, Go 1.21 to 1.27).
    fn calls(&self, stack: &[u64]) -> Vec<VirtAddr> {
        let call = |ret: &u64| self.memory.in_file(ret.wrapping_sub(1));
        stack.iter().map(call).collect()
    }
}

impl Estimate {
    /// Adds what samples stand for: an object of a size is sampled with the probability 1 − e^(−size/rate)
    /// (src/runtime/pprof/protomem.go `scaleHeapSample`). Each is there or not by itself (Horvitz-Thompson).
    fn add(&mut self, sampled: Sampled, size: u64, rate: u64) {
        let scale = if rate == 1 || size == 0 {
            1.0
        } else {
            -1.0 / (-(size as f64) / rate as f64).exp_m1()
        };
        self.objects += sampled.objects as f64 * scale;
        self.bytes += sampled.bytes as f64 * scale;
        let variance = sampled.objects as f64 * scale * (scale - 1.0);
        self.objects_variance += variance;
        self.bytes_variance += variance * (size as f64).powi(2);
    }
}
