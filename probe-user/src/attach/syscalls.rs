//! How far a program has come, by the system calls that its scheduler counts.
//!
//! They go with its work: a handler of `tests/targets/web` makes three, however slow it is. How often goroutines are
//! given a processor (`schedtick`) does not, that was 2 to 9 times for the same work (Go 1.27).

use serde::{Deserialize, Serialize};

use crate::{address::ProcAddr, sys};

/// Offset of `runtime.p.syscalltick`, a `uint32`, at Go 1.21 to 1.27 (src/runtime/runtime2.go).
const SYSCALLTICK: u64 = 20;
const TICK_LEN: usize = size_of::<u32>();

/// The scheduler's processors of a process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Processors {
    pid: u32,
    at: Vec<u64>,
}

/// How many system calls returned: since the process began, or in some time. It wraps around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Syscalls(u32);

impl Syscalls {
    /// Returns those since `earlier`.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        Self(self.0.wrapping_sub(earlier.0))
    }

    /// Returns how many they are.
    pub(crate) const fn count(self) -> u64 {
        self.0 as u64
    }
}

impl Processors {
    /// `at`: where each `runtime.p` of process `pid` is.
    pub(crate) fn new(pid: u32, at: &[ProcAddr]) -> Self {
        let at = at.iter().take(sys::VM_RANGES).map(|p| p.0);
        Self {
            pid,
            at: at.collect(),
        }
    }

    /// Returns how many there were so far; `None`: nothing is known of the processors, or nothing can be read any more.
    pub(crate) fn syscalls(&self) -> Option<Syscalls> {
        let tick = |at: &u64| (at.wrapping_add(SYSCALLTICK), TICK_LEN);
        let ranges: Vec<_> = self.at.iter().map(tick).collect();
        let mut bytes = vec![0; ranges.len() * TICK_LEN];
        let n = sys::process_vm_read(self.pid, &mut bytes, &ranges).ok()?;
        if n == 0 || n < bytes.len() {
            return None;
        }
        let ticks = bytes
            .as_chunks()
            .0
            .iter()
            .map(|tick| u32::from_le_bytes(*tick));
        Some(Syscalls(ticks.fold(0, u32::wrapping_add)))
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
        let own = Processors::new(std::process::id(), &at);
        let now = own.syscalls().unwrap();
        assert_eq!(now.count(), 2);
        assert_eq!(now.since(Syscalls(u32::MAX)).count(), 3);
    }

    #[test]
    fn what_cannot_be_read_tells_nothing() {
        assert_eq!(Processors::default().syscalls(), None);
        let nowhere = Processors::new(std::process::id(), &[ProcAddr(8)]);
        assert_eq!(nowhere.syscalls(), None);
    }
}
