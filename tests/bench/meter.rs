//! Reads a running program's own count of its operations, all the time, so that it is known for any time span.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Result, ensure};

use crate::{
    target::{Target, field},
    watch::{Span, now},
};

const BETWEEN_READINGS: Duration = Duration::from_millis(20);

/// What the program had done by one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Nanoseconds since 1970.
    at: i64,
    operations: f64,
    cpu_ns: f64,
}

/// What the program did in a time span.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) operations: f64,
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
}

impl Pace {
    /// Operations per second.
    pub(crate) fn speed(self) -> f64 {
        self.operations / self.seconds
    }

    /// Operations per second of CPU time.
    pub(crate) fn cpu_speed(self) -> f64 {
        self.operations / self.cpu_seconds
    }
}

/// A program that answers an empty line by `COUNT TIME OPERATIONS CPU_NS`, and a thread that asks it.
#[derive(Debug)]
pub(crate) struct Meter {
    pid: u32,
    target: Arc<Mutex<Target>>,
    readings: Arc<Mutex<Vec<Reading>>>,
    ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Meter {
    pub(crate) fn start(target: Target) -> Self {
        let pid = target.pid();
        let target = Arc::new(Mutex::new(target));
        let readings = Arc::<Mutex<Vec<_>>>::default();
        let ended = Arc::<AtomicBool>::default();
        let asked = Arc::clone(&target);
        let (list, end) = (Arc::clone(&readings), Arc::clone(&ended));
        let reader = thread::spawn(move || {
            // A target that is gone stops the readings, which whoever needs one finds out.
            while !end.load(Ordering::Relaxed)
                && let Ok(reading) = read(&asked)
            {
                lock(&list).push(reading);
                thread::sleep(BETWEEN_READINGS);
            }
        });
        Self {
            pid,
            target,
            readings,
            ended,
            reader: Some(reader),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends a line of another kind, to be answered by one that begins with `word`.
    pub(crate) fn ask(&self, line: &str, word: &str) -> Result<Vec<String>> {
        lock(&self.target).ask(line, word)
    }

    /// What was done in a span that has begun after the start and may just have ended.
    pub(crate) fn pace(&self, span: Span) -> Result<Pace> {
        let (from, to) = (self.at(span.from)?, self.at(span.to)?);
        Ok(Pace {
            operations: to.operations - from.operations,
            seconds: span.seconds(),
            cpu_seconds: (to.cpu_ns - from.cpu_ns) / 1e9,
        })
    }

    /// The state at a time, from the readings on both sides of it.
    fn at(&self, at: i64) -> Result<Reading> {
        let give_up = now()? + 5_000_000_000;
        loop {
            if let Some(reading) = between(&lock(&self.readings), at) {
                return Ok(reading);
            }
            ensure!(now()? < give_up, "the target does not answer any more");
            thread::sleep(BETWEEN_READINGS);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // It has nothing to say that was not said.
        drop(self.reader.take().map(JoinHandle::join));
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(target: &Mutex<Target>) -> Result<Reading> {
    let words = lock(target).ask("", "COUNT")?;
    Ok(Reading {
        at: field(&words, 0)?,
        operations: field(&words, 1)?,
        cpu_ns: field(&words, 2)?,
    })
}

/// Interpolates; `None`: there is no later reading yet.
fn between(readings: &[Reading], at: i64) -> Option<Reading> {
    let after = readings.partition_point(|reading| reading.at < at);
    let (before, after) = (readings.get(after.checked_sub(1)?)?, readings.get(after)?);
    let share = (at - before.at) as f64 / (after.at - before.at) as f64;
    let part = |from: f64, to: f64| from + (to - from) * share;
    Some(Reading {
        at,
        operations: part(before.operations, after.operations),
        cpu_ns: part(before.cpu_ns, after.cpu_ns),
    })
}
