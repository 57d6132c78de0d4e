//! A finer clock than that of the CPU samples, which ticks in windows only: how much of the target's time is its own.
//!
//! What a program does outside of the runtime takes as long as it always does, also while a probe slows the runtime
//! down: loops with 1 to 5 µs of arithmetic between two sends took 97 to 110 % of that time with every send probed, when
//! they did a third to three quarters of what they do unprobed. So that time tells how far the program has come.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
    sync::{Mutex, PoisonError},
};

use probe_ebpf::abi;
use serde::{Deserialize, Serialize};

use super::gates::Words;
use crate::sys;

/// From one tick to the next on a CPU: at least, and for each CPU that ticks. The more there are, the less often each is
/// interrupted, whoever uses it.
const PERIOD_NS: u64 = 200_000;
const PERIOD_OF_CPU_NS: u64 = 50_000;
/// By how much more on every other CPU: with the same on all, what a tick holds up falls into step with the clock where
/// threads wait for each other.
const MORE_ON_OTHERS: f64 = 0.115;
/// More CPUs than these tell nothing more, and every one takes an interrupt to begin and to end.
const MAX_CPUS: usize = 32;

/// What was found at the ticks, ever or in some time, by role of the goroutine (`abi::role_of`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks(pub BTreeMap<u16, Found>);

/// What ticks found of some goroutines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// A thread of the target that ran one of them.
    pub target: u64,
    /// Of those, the ones outside of the runtime and of the kernel, and the time that they stand for.
    pub outside: u64,
    pub outside_ns: u64,
}

impl Ticks {
    /// Returns those since `earlier`.
    #[must_use]
    pub fn since(mut self, earlier: &Self) -> Self {
        for (role, found) in &mut self.0 {
            let before = earlier.0.get(role).copied().unwrap_or_default();
            found.target = found.target.saturating_sub(before.target);
            found.outside = found.outside.saturating_sub(before.outside);
            found.outside_ns = found.outside_ns.saturating_sub(before.outside_ns);
        }
        self.0.retain(|_, found| found.target > 0);
        self
    }

    /// Returns those of all goroutines, and of what is none.
    #[must_use]
    pub fn all(&self) -> Found {
        self.0.values().copied().fold(Found::default(), Found::and)
    }
}

impl Found {
    /// Returns what was found of both.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self {
            target: self.target.saturating_add(more.target),
            outside: self.outside.saturating_add(more.outside),
            outside_ns: self.outside_ns.saturating_add(more.outside_ns),
        }
    }
}

/// The clock, off; by default one that never ticks.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    pub(super) events: Vec<OwnedFd>,
    /// CPUs for each that ticks.
    pub(super) each: u32,
}

impl Clock {
    /// Makes a clock that runs `program` at each tick, on CPUs that process `pid` may run on. `period_ns`: from one to
    /// the next; `None`: as is right for windows.
    pub(super) fn new(
        program: BorrowedFd<'_>,
        pid: u32,
        period_ns: Option<u64>,
    ) -> io::Result<Self> {
        let cpus = sys::allowed_cpus(pid)?;
        let each = cpus.len().div_ceil(MAX_CPUS).max(1);
        let n_ticking = cpus.len().div_ceil(each) as u64;
        let period_ns = period_ns
            .unwrap_or(PERIOD_NS.max(n_ticking * PERIOD_OF_CPU_NS))
            .max(least_period_ns());
        let longer_ns = (period_ns as f64 * (1.0 + MORE_ON_OTHERS)) as u64;
        let periods = [period_ns, longer_ns].into_iter().cycle();
        let ticking = cpus.iter().step_by(each).zip(periods);
        let event = |(cpu, period_ns): (&u32, u64)| sys::cpu_clock(*cpu, period_ns, program);
        Ok(Self {
            events: ticking.map(event).collect::<io::Result<_>>()?,
            each: each as u32,
        })
    }
}

/// Returns from which period on the kernel leaves out no tick: one that it takes for too frequent pauses until the next
/// jiffy (kernel/events/core.c `__perf_event_account_interrupt`).
fn least_period_ns() -> u64 {
    const NS_PER_S: u64 = 1_000_000_000;
    sys::max_sample_rate().map_or(0, |rate| 2 * NS_PER_S / rate.max(1))
}

/// The clock, on as long as somebody needs it.
#[derive(Debug)]
pub(crate) struct Ticker {
    clock: Clock,
    users: Mutex<usize>,
}

/// Keeps the clock on.
#[derive(Debug)]
pub(crate) struct Ticking<'a>(&'a Ticker);

impl Ticker {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            users: Mutex::new(0),
        }
    }

    /// Begins to tick, if nobody has; `None`: there is no clock.
    pub(crate) fn begin(&self) -> Option<Ticking<'_>> {
        if self.clock.events.is_empty() {
            return None;
        }
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if *users == 0 {
            self.turn(true);
        }
        *users += 1;
        Some(Ticking(self))
    }

    /// A CPU that does not tick is missing in all counts alike.
    fn turn(&self, on: bool) {
        for event in &self.clock.events {
            drop(sys::enable_event(event.as_raw_fd(), on));
        }
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        let mut users = self.0.users.lock().unwrap_or_else(PoisonError::into_inner);
        *users -= 1;
        if *users == 0 {
            self.0.turn(false);
        }
    }
}

/// The counters in memory that the kernel program sees as well.
#[derive(Debug)]
pub(super) struct TickCounters {
    words: Words,
    each: u64,
}

/// Words of `abi::Ticks`, and how many they are; a test holds them to it.
const TARGET: usize = 0;
const OUTSIDE: usize = 1;
const OUTSIDE_NS: usize = 2;
const WORDS: usize = size_of::<abi::Ticks>() / 8;

impl TickCounters {
    /// Maps the array `abi::TICKS`. `each`: CPUs for each that ticks.
    pub(super) fn map(fd: BorrowedFd<'_>, each: u32) -> io::Result<Self> {
        Ok(Self {
            words: Words::map(fd, abi::N_ROLES as usize * WORDS)?,
            each: u64::from(each),
        })
    }

    pub(super) fn read(&self) -> Ticks {
        let of_role = |role: u16| {
            let word = |n: usize| self.words.load(usize::from(role) * WORDS + n);
            let target = word(TARGET);
            (target > 0).then(|| Found {
                target,
                outside: word(OUTSIDE),
                outside_ns: word(OUTSIDE_NS).saturating_mul(self.each),
            })
        };
        let roles = 0..abi::N_ROLES as u16;
        Ticks(
            roles
                .filter_map(|role| Some((role, of_role(role)?)))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn words_are_those_of_the_contract() {
        assert_eq!(offset_of!(abi::Ticks, target), TARGET * 8);
        assert_eq!(offset_of!(abi::Ticks, outside), OUTSIDE * 8);
        assert_eq!(offset_of!(abi::Ticks, outside_ns), OUTSIDE_NS * 8);
    }

    #[test]
    fn without_events_nothing_ticks() {
        assert!(Ticker::new(Clock::default()).begin().is_none());
    }
}
