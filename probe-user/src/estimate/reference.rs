//! How many operations there were, by how often something else came that the scheduler counts: system calls, goroutines.
//!
//! What a program does for a request it does for each, however fast they come and however much a probe slows it down. So
//! windows tell how many operations there are for each system call, or goroutine, and the scheduler how many of those
//! there were in the whole run (a ratio estimate: Cochran, Sampling Techniques, 1977, 6.1). It is not believed where the
//! costs tell of a program that was slowed down more than what is counted was: something else in it does that. How many
//! operations the windows stand for is not held against it: of few windows that is wrong by a half and more.

use super::{READING_ERROR, Run, Z, outside::Told};
use crate::aggregate::{ProbeSampling, Reference};

/// What windows tell is believed when it is known so well, as a relative standard error.
const MOST_ERROR: f64 = 0.2;
/// The part of the time in windows in which it has to be known.
const KNOWN: f64 = 0.9;

/// What is counted, and how often it came in the whole run.
struct Whole<'a> {
    windows: &'a Reference,
    steps: f64,
}

/// Those that are known.
fn all<'a>(sampling: &'a ProbeSampling, run: &Run<'_>) -> impl Iterator<Item = Whole<'a>> {
    let counted = run.profile.spending.as_ref();
    let beside = &sampling.beside;
    let all = [
        (&beside.syscalls, counted.and_then(|all| all.syscalls)),
        (&beside.goroutines, counted.and_then(|all| all.goroutines)),
    ];
    all.into_iter().filter_map(|(windows, steps)| {
        let steps = steps? as f64;
        Some(Whole { windows, steps })
    })
}

impl Whole<'_> {
    /// By how much slower it came while the probe was on than otherwise, and the relative standard error of that; `None`
    /// where that is for another reason.
    fn slower(&self, run: &Run<'_>) -> Option<(f64, f64)> {
        let inside = &self.windows.by_time;
        let ns = run.duration_ns as f64 - inside.ns;
        let usual = (self.steps - inside.steps) / ns.max(1.0);
        (usual > 0.0 && ns > 0.0 && inside.steps > 0.0)
            .then(|| (usual / inside.rate(), inside.error()))
            .filter(|slower| run.may_be_slower(*slower))
    }
}

/// By how much slower the target was while the probe was on than otherwise, and the relative standard error of that, where
/// that is known well; `least`: it was by so much at least.
pub(super) fn slowed_down(
    sampling: &ProbeSampling,
    run: &Run<'_>,
    least: f64,
) -> Option<(f64, f64)> {
    all(sampling, run)
        .filter_map(|whole| whole.slower(run))
        .filter(|(seen, error)| *error < MOST_ERROR && seen * (1.0 + Z * error) >= least)
        .min_by(|(_, a), (_, b)| a.total_cmp(b))
}

/// Returns by what the operations of windows are to be multiplied, so that they are as many as there were by what came
/// with them. `least`: the target was slower by so much at least while the probe was on.
pub(super) fn told(sampling: &ProbeSampling, run: &Run<'_>, least: f64) -> Option<Told> {
    if sampling.total <= 0.0 {
        return None;
    }
    let told = |whole: Whole<'_>| {
        let each = &whole.windows.operations;
        let (seen, of_seen) = whole.slower(run)?;
        let error = each.error();
        let windows_ns = sampling.on_ns.saturating_sub(sampling.whole_ns) as f64;
        let is_known = error < MOST_ERROR
            && whole.windows.by_time.ns >= KNOWN * windows_ns
            && seen * (1.0 + Z * of_seen) >= least;
        let error = error.hypot(READING_ERROR).hypot(run.of_operations_error);
        is_known.then(|| (each.rate() * whole.steps, error))
    };
    let (total, error) =
        (all(sampling, run).filter_map(told)).min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let spread = (Z * error).exp();
    Some(Told {
        total: sampling.factor_of(total),
        low: sampling.factor_of(total / spread),
        high: sampling.factor_of(total * spread),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregate::{Beside, Profile, Sampling, Slice, Spending},
        estimate::tests::{RUN_NS, run_of},
    };

    const WINDOW_NS: u64 = 1_000_000;

    /// Windows in each of which so many goroutines were started and operations began.
    fn windows(seen: &[(u64, u64)]) -> ProbeSampling {
        let mut sampling = Sampling::default();
        for &(goroutines, operations) in seen {
            let slice = Slice {
                on_ns: WINDOW_NS,
                period_ns: Some(RUN_NS / seen.len() as u64),
                unseen: operations,
                beside: Beside {
                    goroutines: Reference::of(
                        WINDOW_NS as f64,
                        goroutines as f64,
                        operations as f64,
                    ),
                    ..Beside::default()
                },
                ..Slice::default()
            };
            sampling.add("chan-send", &slice, &[]);
        }
        sampling.probes["chan-send"]
    }

    /// Returns how many operations there were in a run in which so many goroutines were started.
    fn operations(sampling: &ProbeSampling, goroutines: u64, least: f64) -> Option<[f64; 3]> {
        let profile = Profile {
            spending: Some(Spending {
                goroutines: Some(goroutines),
                ..Spending::default()
            }),
            ..Profile::default()
        };
        let told = told(sampling, &run_of(&profile), least)?;
        Some([told.low, told.total, told.high].map(|of| of * sampling.total))
    }

    #[test]
    fn operations_go_with_what_is_counted() {
        // In some windows the program had no CPU; in the others it was five times as slow.
        let seen = [(0, 0), (192, 401), (208, 388), (0, 0), (16, 30), (192, 395)];
        let [low, total, high] = operations(&windows(&seen), 10_000_000, 4.0).unwrap();
        assert!((total / 20e6 - 1.0).abs() < 0.02, "{total}");
        assert!(
            low < 20e6 && high > 20e6 && high < low * 1.4,
            "{low} {high}"
        );
    }

    #[test]
    fn what_is_not_slowed_down_with_the_program_tells_nothing() {
        let seen = [(200, 400); 20];
        assert!(operations(&windows(&seen), 2_000_000, 1.0).is_some());
        assert!(operations(&windows(&seen), 2_000_000, 4.0).is_none());
    }

    #[test]
    fn what_has_nothing_to_do_with_the_operations_tells_nothing() {
        let seen = [(200, 0), (208, 10), (192, 4_000), (200, 0), (208, 20)];
        assert!(operations(&windows(&seen), 2_000_000, 1.0).is_none());
    }

    #[test]
    fn a_long_window_is_one_of_several() {
        let alike = [(20_000, 40_000), (192, 401), (208, 388), (208, 396)];
        let [low, total, high] = operations(&windows(&alike), 100_000_000, 1.0).unwrap();
        assert!(low < 200e6 && high > 200e6, "{low} {high}");
        assert!((total / 200e6 - 1.0).abs() < 0.02, "{total}");
        let other = [(20_000, 20_000), (192, 401), (208, 388), (208, 396)];
        assert!(operations(&windows(&other), 100_000_000, 1.0).is_none());
    }

    #[test]
    fn one_window_tells_nothing() {
        assert!(operations(&windows(&[(200, 400); 2]), 2_000_000, 1.0).is_some());
        assert!(operations(&windows(&[(200, 400)]), 2_000_000, 1.0).is_none());
    }
}
