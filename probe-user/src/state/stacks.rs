//! Goroutines that stand still to where they stand: the addresses to look up, innermost first.

use std::ops::Range;

use super::{
    StateError,
    goroutine::{Goroutine, Saved},
    memory::Memory,
    walk::{Walked, Window},
};
use crate::{address::VirtAddr, analyze::GoBinary};

/// Bytes of each stack that are read at first: most goroutines wait with less.
const FIRST: u64 = 1 << 10;
/// Bytes of the stacks that were cut by that.
const SECOND: u64 = 1 << 16;

/// Reads stacks of one binary's goroutines.
#[derive(Debug)]
pub(super) struct Stacks {
    /// What asynchronous preemption puts on the stack: its caller was not called, but interrupted
    /// (src/runtime/preempt_amd64.s).
    async_preempt: Range<u64>,
}

impl Stacks {
    pub(super) fn of(binary: &GoBinary) -> Self {
        const NAME: &str = "runtime.asyncPreempt";
        let found = binary.find_functions(&[NAME]);
        let function = found.get(NAME).and_then(|twins| {
            let size = |function: &&crate::analyze::Function| function.end.0 - function.entry.0;
            twins.iter().max_by_key(size)
        });
        Self {
            async_preempt: function.map_or(0..0, |function| function.entry.0..function.end.0),
        }
    }

    /// Reads the stack of each goroutine that has saved registers; the others have an empty one.
    pub(super) fn read(
        &self,
        memory: &Memory<'_>,
        binary: &GoBinary,
        goroutines: &[Option<Goroutine>],
    ) -> Result<Vec<Vec<VirtAddr>>, StateError> {
        let mut found = vec![Vec::new(); goroutines.len()];
        let mut cut: Vec<usize> = (0..goroutines.len()).collect();
        for size in [FIRST, SECOND] {
            let jobs: Vec<Job> = cut
                .iter()
                .filter_map(|&index| Job::of(index, goroutines.get(index)?.as_ref()?, size))
                .collect();
            cut.clear();
            let ranges: Vec<_> = jobs.iter().map(|job| job.range).collect();
            memory
                .read_all(&ranges, |job, bytes| {
                    let Some(job) = jobs.get(job) else { return };
                    let (stack, walked) = self.walk(job, bytes, memory, binary);
                    if walked == Walked::Cut && size < job.used {
                        cut.push(job.index);
                    }
                    if let Some(slot) = found.get_mut(job.index) {
                        *slot = stack;
                    }
                })
                .map_err(StateError::memory("stacks"))?;
        }
        Ok(found)
    }

    fn walk(
        &self,
        job: &Job,
        bytes: &[u8],
        memory: &Memory<'_>,
        binary: &GoBinary,
    ) -> (Vec<VirtAddr>, Walked) {
        let Job {
            goroutine, saved, ..
        } = job;
        let window = Window {
            start: saved.sp,
            bytes,
        };
        let here = memory.in_file(saved.pc);
        let mut returns = Vec::new();
        let mut walked = Walked::Whole;
        let bp = saved.bp.or_else(|| {
            let depth = binary.stack_depth_at(VirtAddr(here.0.wrapping_sub(1)))?;
            // The frame pointer of the caller lies right below the return address.
            saved.sp.checked_add(u64::from(depth))?.checked_sub(8)
        });
        if let Some(bp) = bp {
            walked = window.walk(bp, goroutine.stack, &mut returns);
        }
        // One that has not run yet stands at its function's first instruction, all others behind a call.
        let starts = saved.pc == goroutine.startpc;
        let mut stack = vec![if starts { here } else { before(here) }];
        for ret in returns {
            let ret = memory.in_file(ret);
            let was_interrupted = stack
                .last()
                .is_some_and(|inner| self.async_preempt.contains(&inner.0));
            stack.push(if was_interrupted { ret } else { before(ret) });
        }
        (stack, walked)
    }
}

/// A byte of the call that returns to an address.
fn before(ret: VirtAddr) -> VirtAddr {
    VirtAddr(ret.0.wrapping_sub(1))
}

/// A stack to read.
struct Job {
    index: usize,
    goroutine: Goroutine,
    saved: Saved,
    range: (u64, usize),
    /// Bytes between the stack pointer and the stack's end.
    used: u64,
}

impl Job {
    /// `None` where there is nothing to read, or the stack pointer is none.
    fn of(index: usize, goroutine: &Goroutine, size: u64) -> Option<Self> {
        let saved = goroutine.saved?;
        let (low, high) = goroutine.stack;
        let used = high
            .checked_sub(saved.sp)
            .filter(|_| low <= saved.sp && saved.sp.is_multiple_of(8))?;
        Some(Self {
            index,
            goroutine: *goroutine,
            saved,
            range: (saved.sp, used.min(size) as usize),
            used,
        })
    }
}
