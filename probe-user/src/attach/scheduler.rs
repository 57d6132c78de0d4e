//! How far a program has come, by what its scheduler counts.
//!
//! System calls go with its work: a handler of `tests/targets/web` makes three, however slow it is. So do goroutines
//! that are started. How often goroutines are given a processor (`schedtick`) does not, that was 2 to 9 times for the
//! same work (Go 1.27).

use serde::{Deserialize, Serialize};

use crate::{address::ProcAddr, sys};

/// Offset of `runtime.p.syscalltick`, a `uint32`, at Go 1.21 to 1.27 (src/runtime/runtime2.go).
const SYSCALLTICK: u64 = 20;
const TICK_LEN: usize = size_of::<u32>();
const TICK_MASK: u64 = u32::MAX as u64;
const GOIDGEN_LEN: usize = size_of::<u64>();

/// Where the scheduler of a process counts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Scheduler {
    pid: u32,
    processors: Vec<u64>,
    goidgen: Option<u64>,
}

/// What it counted: since the process began, or in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Steps {
    /// System calls that returned, modulo 2³² where they are since the process began.
    syscalls: u64,
    /// Goroutines that were started, by the numbers handed out to processors, which get 16 at a time; 0 where that is not
    /// known.
    goroutines: u64,
}

impl Steps {
    /// Returns those since `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self {
            syscalls: self.syscalls.wrapping_sub(earlier.syscalls) & TICK_MASK,
            goroutines: self.goroutines.saturating_sub(earlier.goroutines),
        }
    }

    /// Returns those of two times together.
    pub(crate) const fn and(self, more: Self) -> Self {
        Self {
            syscalls: self.syscalls.saturating_add(more.syscalls),
            goroutines: self.goroutines.saturating_add(more.goroutines),
        }
    }

    pub(crate) const fn syscalls(self) -> u64 {
        self.syscalls
    }

    pub(crate) const fn goroutines(self) -> u64 {
        self.goroutines
    }
}

impl Scheduler {
    /// `processors`: where each `runtime.p` of process `pid` is; `goidgen`: `runtime.sched.goidgen`, where that is known.
    pub(crate) fn new(pid: u32, processors: &[ProcAddr], goidgen: Option<ProcAddr>) -> Self {
        let processors = processors.iter().take(sys::VM_RANGES - 1).map(|p| p.0);
        Self {
            pid,
            processors: processors.collect(),
            goidgen: goidgen.map(|at| at.0),
        }
    }

    /// Returns what it counted so far; `None`: nothing is known of it, or nothing can be read any more.
    pub(crate) fn steps(&self) -> Option<Steps> {
        let tick = |at: &u64| (at.wrapping_add(SYSCALLTICK), TICK_LEN);
        let ranges: Vec<_> = (self.goidgen.map(|at| (at, GOIDGEN_LEN)).into_iter())
            .chain(self.processors.iter().map(tick))
            .collect();
        let mut bytes = vec![0; ranges.iter().map(|(_, len)| len).sum()];
        let n = sys::process_vm_read(self.pid, &mut bytes, &ranges).ok()?;
        if n == 0 || n < bytes.len() {
            return None;
        }
        let (goroutines, ticks) = match self.goidgen {
            Some(_) => {
                let (goidgen, ticks) = bytes.split_first_chunk()?;
                (u64::from_le_bytes(*goidgen), ticks)
            }
            None => (0, bytes.as_slice()),
        };
        let ticks = ticks.as_chunks().0.iter();
        let ticks = ticks.map(|tick| u64::from(u32::from_le_bytes(*tick)));
        Some(Steps {
            syscalls: ticks.sum::<u64>() & TICK_MASK,
            goroutines,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_all_processors_are_added_up_around_their_end() {
        let processor = |tick| [0, 0, 0, 0, 0, tick, 0, 0];
        let all: [[u32; 8]; 2] = [processor(u32::MAX), processor(3)];
        let at = all.each_ref().map(|p| ProcAddr(p.as_ptr() as u64));
        let own = Scheduler::new(std::process::id(), &at, None);
        let now = own.steps().unwrap();
        assert_eq!((now.syscalls(), now.goroutines()), (2, 0));
        let earlier = Steps {
            syscalls: TICK_MASK,
            goroutines: 0,
        };
        assert_eq!(now.since(earlier).syscalls(), 3);
    }

    #[test]
    fn goroutines_are_read_beside_them() {
        let processor: [u32; 8] = [0, 0, 0, 0, 0, 7, 0, 0];
        let goidgen: u64 = 1 << 40;
        let at = |address: usize| ProcAddr(address as u64);
        let own = Scheduler::new(
            std::process::id(),
            &[at((&raw const processor).addr())],
            Some(at((&raw const goidgen).addr())),
        );
        let now = own.steps().unwrap();
        assert_eq!((now.syscalls(), now.goroutines()), (7, goidgen));
    }

    #[test]
    fn what_cannot_be_read_tells_nothing() {
        assert_eq!(Scheduler::default().steps(), None);
        let nowhere = Scheduler::new(std::process::id(), &[ProcAddr(8)], None);
        assert_eq!(nowhere.steps(), None);
    }
}
