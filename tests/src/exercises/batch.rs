//! Several trials at a time.

use std::{
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::Result;

use super::trial::{Outcome, Trial};

/// Programs that are built at a time: the compiler uses all that a processor has.
const BUILDS: usize = 2;

/// Builds the programs of the trials.
///
/// # Errors
/// The first program that can't be built.
pub fn build(trials: &[Trial<'_>]) -> Result<Vec<PathBuf>> {
    let mut built: Vec<(usize, PathBuf)> = Vec::new();
    let mut failed = None;
    each(
        trials.len(),
        BUILDS,
        |index| trials.get(index).map(Trial::build),
        |index, result| match result {
            Some(Ok(binary)) => built.push((index, binary)),
            Some(Err(error)) => failed = failed.take().or(Some(error)),
            None => {}
        },
    );
    built.sort_by_key(|(index, _)| *index);
    failed.map_or_else(
        || Ok(built.into_iter().map(|(_, binary)| binary).collect()),
        Err,
    )
}

/// Builds and runs the trials, `jobs` at a time, and tells `ended` of each as it ends, one after the other.
///
/// What is compiled meanwhile would take the processors from what is measured: everything is built first.
///
/// # Errors
/// A program that can't be built: nothing is run then.
pub fn run<'a, 'b>(
    trials: &'b [Trial<'a>],
    jobs: usize,
    mut ended: impl FnMut(&'b Trial<'a>, Result<Outcome>) + Send,
) -> Result<()> {
    let binaries = build(trials)?;
    let one = |index: usize| Some((trials.get(index)?, binaries.get(index)?));
    each(
        trials.len(),
        jobs,
        |index| one(index).map(|(trial, binary)| trial.run(binary)),
        |index, result| {
            if let (Some(trial), Some(result)) = (trials.get(index), result) {
                ended(trial, result);
            }
        },
    );
    Ok(())
}

/// Does `work` for every index below `n`, `jobs` at a time.
fn each<T>(
    n: usize,
    jobs: usize,
    work: impl Fn(usize) -> T + Sync,
    ended: impl FnMut(usize, T) + Send,
) {
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(ended);
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= n {
                return;
            }
            let result = work(index);
            ended.lock().unwrap_or_else(PoisonError::into_inner)(index, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.min(n) {
            scope.spawn(worker);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_done_once_whatever_the_number_of_workers() {
        for jobs in [1, 3, 50] {
            let mut done = Vec::new();
            each(
                20,
                jobs,
                |index| index * 2,
                |index, twice| done.push((index, twice)),
            );
            done.sort_unstable();
            let all: Vec<(usize, usize)> = (0..20).map(|index| (index, index * 2)).collect();
            assert_eq!(done, all);
        }
    }
}
