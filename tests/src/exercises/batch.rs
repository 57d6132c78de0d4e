//! Several trials at a time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::trial::{Result, Trial};

/// Runs the trials, `jobs` at a time, and tells `ended` of each as it ends, one after the other.
pub fn run<'a, 'b>(
    trials: &'b [Trial<'a>],
    jobs: usize,
    ended: impl FnMut(&'b Trial<'a>, anyhow::Result<Result>) + Send,
) {
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(ended);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = trial.run();
                    ended.lock().unwrap_or_else(PoisonError::into_inner)(trial, result);
                }
            });
        }
    });
}
