//! The private process that is probed: a copy of this one that runs the code of `code.rs` when it is told to,
//! and does nothing else. It ends when this process does.

use std::{
    fs,
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    ops::RangeInclusive,
    os::fd::{AsFd as _, AsRawFd as _},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::code::{self, FakeG, SUBJECTS, Subject};
use crate::sys;

/// Depth that a stack of the code needs, with room to spare.
const STACK: u64 = 1 << 12;
pub(super) const MAX_RUNS: usize = 64;
/// How long one measurement may take: 20 ms on a host that does nothing else.
const PATIENCE: Duration = Duration::from_secs(3);

/// What is in the processor's caches when an operation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Caches {
    /// What the operation before has left there: nothing else ran meanwhile.
    Warm,
    /// The data and the code of other work.
    Cold,
}

/// The child. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Child {
    pid: libc::pid_t,
    orders: PipeWriter,
    answers: PipeReader,
}

impl Child {
    /// Starts the child, which runs on one CPU only.
    pub(super) fn start() -> io::Result<Self> {
        let (orders_here, orders) = io::pipe()?;
        let (answers, answers_there) = io::pipe()?;
        let lines = second_level_lines();
        // SAFETY: the child of a process with threads may only call what is safe in a signal handler: it
        // closes, reads, writes, asks for the time and runs code without memory of its own, until it exits.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                // SAFETY: in the child these copies belong to nobody.
                unsafe {
                    libc::close(orders.as_raw_fd());
                    libc::close(answers.as_raw_fd());
                }
                // Migration between CPUs would be part of what is measured.
                drop(sys::stay_here());
                obey(&orders_here, &answers_there, lines);
                // SAFETY: ends this process without running anything of the parent's.
                unsafe { libc::_exit(0) }
            }
            pid => Ok(Self {
                pid,
                orders,
                answers,
            }),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid as u32
    }

    /// Runs a subject `n` times in each of `runs` runs, at most [`MAX_RUNS`], and returns the time that once took, in
    /// nanoseconds: the median of the runs, the reading of the clock subtracted.
    pub(super) fn run(
        &mut self,
        subject: Subject,
        caches: Caches,
        n: u32,
        runs: u8,
    ) -> io::Result<f64> {
        self.orders
            .write_all(&[subject as u8, caches as u8, runs])?;
        self.orders.write_all(&n.to_ne_bytes())?;
        let mut answer = [0; 8];
        let [is_answered] = sys::wait_readable([self.answers.as_fd()], PATIENCE)?;
        if !is_answered {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.answers.read_exact(&mut answer)?;
        Ok(u64::from_ne_bytes(answer) as f64 / f64::from(n))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: the child has not been waited for, so that its pid is its own.
        unsafe {
            libc::kill(self.pid, libc::SIGKILL);
            libc::waitpid(self.pid, std::ptr::null_mut(), 0);
        }
    }
}

/// `lines`: of data, that other work touches.
fn obey(mut orders: &PipeReader, mut answers: &PipeWriter, lines: usize) {
    let (mut order, mut n) = ([0; 3], [0; 4]);
    while orders.read_exact(&mut order).is_ok() && orders.read_exact(&mut n).is_ok() {
        let [subject, caches, runs] = order;
        let Some(&subject) = SUBJECTS.get(usize::from(subject)) else {
            return;
        };
        let n = u64::from(u32::from_ne_bytes(n));
        let runs = usize::from(runs);
        let took = if caches == Caches::Cold as u8 {
            series(runs, |made| {
                do_other_work(lines);
                timed(subject, made * n, libc::CLOCK_MONOTONIC)
            })
        } else {
            series(runs, |made| {
                timed(subject, made * n, libc::CLOCK_THREAD_CPUTIME_ID)
            })
        };
        if answers.write_all(&took.to_ne_bytes()).is_err() {
            return;
        }
    }
}

/// Returns how much longer a run takes with the operations, once, than without.
fn series(runs: usize, timed: impl Fn(u64) -> u64) -> u64 {
    let mut empty = [0; MAX_RUNS];
    let mut full = [0; MAX_RUNS];
    for (empty, full) in empty.iter_mut().zip(&mut full).take(runs) {
        *empty = timed(0);
        *full = timed(1);
    }
    let of = |values: &mut [u64; MAX_RUNS]| {
        let runs = runs.min(MAX_RUNS);
        median(values.get_mut(..runs).unwrap_or_default())
    };
    of(&mut full).saturating_sub(of(&mut empty))
}

/// Sorts in place, which needs no memory.
fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// What other work displaces beside the data of a core's second-level cache: its translations of addresses. With less
/// a hit is as cheap as in a loop, with all of it as dear as in a server, right after it waited for a request.
const DISPLACED_PAGES: usize = 2 << 10;
const WORDS_PER_LINE: usize = LINE / 8;
const WORDS_PER_PAGE: usize = 4096 / 8;
const LINE: usize = 64;
static OTHER_WORK: [AtomicU64; DISPLACED_PAGES * WORDS_PER_PAGE] =
    [const { AtomicU64::new(0) }; DISPLACED_PAGES * WORDS_PER_PAGE];

fn do_other_work(lines: usize) {
    let all = OTHER_WORK.iter().step_by(WORDS_PER_LINE);
    let touch = |word: &AtomicU64| word.store(word.load(Relaxed).wrapping_add(1), Relaxed);
    all.take(lines).for_each(touch);
    // A line of each page, not the same of all: they would share one place in the cache.
    let pages = OTHER_WORK.chunks(WORDS_PER_PAGE).zip(0..);
    pages
        .filter_map(|(page, n)| page.get(n * WORDS_PER_LINE % WORDS_PER_PAGE))
        .for_each(touch);
    code::run_other_code();
}

/// Sizes of second-level caches that are believed: those of servers' cores since 2012.
const SECOND_LEVEL: RangeInclusive<usize> = 256 << 10..=2 << 20;

/// How many lines the second-level cache of a core has (Documentation/ABI/testing/sysfs-devices-system-cpu, Linux 6.6).
fn second_level_lines() -> usize {
    let text = fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index2/size");
    let kib = text
        .ok()
        .and_then(|text| text.trim().strip_suffix('K')?.parse().ok());
    let bytes = kib.map_or(*SECOND_LEVEL.end(), |kib: usize| {
        kib.saturating_mul(1 << 10)
    });
    bytes.clamp(*SECOND_LEVEL.start(), *SECOND_LEVEL.end()) / LINE
}

fn timed(subject: Subject, n: u64, clock: libc::clockid_t) -> u64 {
    let before = time_ns(clock);
    operate(subject, n);
    time_ns(clock).saturating_sub(before)
}

fn operate(subject: Subject, n: u64) {
    let here = 0_u8;
    let address = &raw const here as u64;
    let g = FakeG {
        stack_low: address.saturating_sub(STACK),
        stack_high: address.saturating_add(STACK),
    };
    let outer = subject.outer();
    if n > 0 {
        // SAFETY: the code reads `g` only, keeps to the calling convention, and runs `n` times.
        unsafe { outer(&raw const g, n) };
    }
}

fn time_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec that outlives the call.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_ignores_what_was_disturbed() {
        let mut values = vec![900, 100, 101, 102, 50_000, 103, 104, 105, 7_000, 106];
        assert_eq!(median(&mut values), 105);
        assert_eq!(median(&mut []), 0);
    }

    #[test]
    fn the_code_runs_without_probes() {
        let mut child = Child::start().unwrap();
        for subject in SUBJECTS {
            assert!(child.run(subject, Caches::Warm, 1_000_000, 1).unwrap() > 0.1);
        }
    }
}
