//! Whether a probe saw enough for its silence to mean something.

use super::{
    calls::{AtSite, Calls},
    observed::Observed,
    rule::{Fault, Judgement},
    weigh::{self, Passes, Threshold},
};
use crate::{
    generic,
    observed::CpuSamples,
    report::{Probe, ProbeState},
};

/// How a probe's reason begins where the linker left its functions out ([`crate::plan::SkipReason::NotLinked`]).
const NOT_LINKED: &str = "this program does not contain ";
/// How it begins where nothing of the program's own calls them ([`crate::plan::SkipReason::NotCalled`]).
const NO_CALLER: &str = "no code of the program's own calls ";

/// Operations that would have been seen at a rule's rate for silence to be a clean bill: with three expected,
/// none is seen by chance one time in twenty.
const EXPECTED_HITS: f64 = 3.0;
/// Windows that have seen nothing for that to mean something: of a program that works in bursts a few find only rest.
const ENOUGH_WINDOWS: u64 = 5;

impl Observed {
    /// Returns whether a probe was on for any part of the window.
    pub fn has(&self, probe: &str) -> bool {
        self.probe(probe).is_some_and(|probe| {
            matches!(probe.state, ProbeState::Attached | ProbeState::Windowed) || probe.hits > 0
        })
    }

    /// Returns the answer of a rule that can't do without a probe that was not on; `None` where it was.
    pub fn missing(&self, name: &str) -> Option<Judgement> {
        if self.has(name) {
            return None;
        }
        let Some(probe) = self.probe(name) else {
            return Some(Judgement::not_enough(
                format!("probe {name} was not asked for"),
                format!("a run with probe {name}"),
            ));
        };
        Some(absent(probe))
    }

    /// Returns whether no code of the program's own does what the probe would see.
    pub fn is_never_called(&self, name: &str) -> bool {
        let reason = self.probe(name).and_then(|probe| probe.reason.as_deref());
        reason.is_some_and(|reason| reason.starts_with(NO_CALLER))
    }

    /// Returns the answer of a rule that found nothing: clear, if `probe` was on long enough to have seen
    /// something that happens `rate_per_s` times a second.
    pub fn silent(&self, probe: &str, rate_per_s: f64, clear: impl Into<String>) -> Judgement {
        if let Some(missing) = self.missing(probe) {
            return missing;
        }
        let watched = self.watched_seconds(probe);
        let enough = EXPECTED_HITS.max(weigh::MIN_HITS as f64);
        if watched * rate_per_s >= enough {
            return match self.windows.get(probe) {
                Some(&windows) if windows < ENOUGH_WINDOWS => Judgement::not_enough(
                    format!("probe {probe} was on in {} only", short_windows(windows)),
                    format!("{ENOUGH_WINDOWS} windows: a longer run, or a larger --max-overhead"),
                ),
                _ => Judgement::Clear(clear.into()),
            };
        }
        let needed = enough / rate_per_s;
        Judgement::not_enough(
            format!("probe {probe} was on for {} only", time(watched)),
            format!("{} of it", time(needed)),
        )
    }

    /// Returns the answer of a rule that found no line which allocates so many bytes a second: what [`silent`](Self::silent)
    /// says of `rate_per_s` allocations, unless the runtime counted so many bytes more than windows tell of.
    pub fn silent_of_bytes(&self, bytes_per_s: f64, rate_per_s: f64, clear: &str) -> Judgement {
        let unseen = self.unseen_bytes_per_s();
        if unseen < bytes_per_s {
            return self.silent("alloc", rate_per_s, clear);
        }
        Judgement::not_enough(
            format!(
                "the program allocates {:.0} MB/s more than the probe's windows saw",
                unseen / 1e6
            ),
            "a longer run, a larger --max-overhead, or --only alloc",
        )
    }

    /// Judges by the rate alone: a fault for each line where `probe` saw at least `rate_per_s` of the calls that
    /// `keep` picks, and else what [`silent`](Self::silent) says.
    pub fn frequent(
        &self,
        probe: &str,
        rate_per_s: f64,
        keep: impl Fn(&Calls) -> bool,
        fault: impl Fn(&Self, &AtSite<'_>) -> Fault,
        clear: &str,
    ) -> Judgement {
        let sites = self.sites(probe, keep);
        self.beyond(&sites, Threshold::rate(rate_per_s), fault, || {
            self.silent(probe, rate_per_s, clear)
        })
    }

    /// Judges by one number alone: a fault for each of the sites that passes the threshold; that there was not
    /// enough to judge by where one of them may; and else what `otherwise` says.
    pub fn beyond(
        &self,
        sites: &[AtSite<'_>],
        threshold: Threshold,
        fault: impl Fn(&Self, &AtSite<'_>) -> Fault,
        otherwise: impl FnOnce() -> Judgement,
    ) -> Judgement {
        Judgement::found_or(self.passing(sites, threshold, fault), || {
            undecided(sites, threshold).unwrap_or_else(otherwise)
        })
    }

    /// Returns a fault for each of the sites that passes the threshold, a hint where that is likely.
    pub fn passing(
        &self,
        sites: &[AtSite<'_>],
        threshold: Threshold,
        fault: impl Fn(&Self, &AtSite<'_>) -> Fault,
    ) -> Vec<Fault> {
        let told = |site: &AtSite<'_>| match threshold.passed_by(site) {
            Passes::Yes => Some(fault(self, site)),
            Passes::Likely => Some(fault(self, site).likely()),
            Passes::Perhaps | Passes::No => None,
        };
        sites.iter().filter_map(told).collect()
    }

    /// Returns the CPU samples where there are at least `n` of them.
    pub fn enough_samples(&self, n: u64) -> Option<&CpuSamples> {
        self.samples.as_ref().filter(|samples| samples.total >= n)
    }
}

impl Judgement {
    /// Takes a second probe that the program can't reach for silent: the first one was enough.
    pub(super) fn or_clear_if_not_linked(self, clear: &str) -> Self {
        match self {
            Self::NotApplicable(_) => Self::Clear(clear.to_owned()),
            other => other,
        }
    }
}

/// Returns the answer of a rule for which one of the sites, all of one probe, is neither above nor below the
/// threshold; `None` where there is none.
pub(super) fn undecided(sites: &[AtSite<'_>], threshold: Threshold) -> Option<Judgement> {
    let within =
        |site: &&AtSite<'_>| matches!(threshold.passed_by(site), Passes::Perhaps | Passes::Likely);
    let site = sites.iter().find(within)?;
    let probe = site.calls.first().map_or("", |calls| &calls.probe);
    let number = (threshold.number)(site);
    let part = |count: f64| number * count / site.count.max(f64::MIN_POSITIVE);
    Some(Judgement::not_enough(
        format!(
            "{}:{} is at {number:.0} {} a second, somewhere from {:.0} to {:.0}; {:.0} would be a finding",
            generic::short(&site.site.function),
            site.site.line,
            threshold.unit,
            part(site.low),
            part(site.high),
            threshold.at,
        ),
        format!("a longer run, a larger --max-overhead, or --only {probe}"),
    ))
}

fn absent(probe: &Probe) -> Judgement {
    let name = &probe.name;
    let reason = probe.reason.as_deref().unwrap_or("it gave no reason");
    if reason.starts_with(NOT_LINKED) {
        return Judgement::NotApplicable(reason.to_owned());
    }
    let why = format!("probe {name} was not on: {reason}");
    let needs = match probe.state {
        ProbeState::Dropped => format!("a larger --max-overhead, or --only {name}"),
        _ => format!("probe {name}"),
    };
    Judgement::not_enough(why, needs)
}

/// Before any window a first look tells how long windows may be.
fn short_windows(n: u64) -> String {
    match n {
        0 => "a first look".to_owned(),
        1 => "1 short window".to_owned(),
        n => format!("{n} short windows"),
    }
}

/// Seconds in words, a short time rounded up.
fn time(seconds: f64) -> String {
    if seconds < 1.0 {
        format!("{:.0} ms", (seconds * 1e3).ceil())
    } else {
        format!("{seconds:.1} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{diagnose::sample, plan::SkipReason};

    #[test]
    fn a_probe_that_the_program_cannot_reach_makes_a_rule_inapplicable() {
        let reason = SkipReason::NotLinked {
            functions: vec!["runtime.cgocall".to_owned()],
        };
        let seen = sample::idle().without_probe("cgo-call", &reason.to_string());
        assert!(matches!(
            seen.missing("cgo-call"),
            Some(Judgement::NotApplicable(_))
        ));
    }

    #[test]
    fn a_function_that_nobody_calls_is_known_by_its_reason() {
        let reason = SkipReason::NotCalled {
            function: "runtime.gcount",
        };
        let seen = sample::idle().without_probe("goroutine-count", &reason.to_string());
        assert!(seen.is_never_called("goroutine-count"));
        assert!(!sample::idle().is_never_called("goroutine-count"));
    }

    #[test]
    fn a_probe_that_was_dropped_or_never_asked_for_is_no_clean_bill() {
        let seen = sample::idle().without_probe("cgo-call", "no safe site in runtime.cgocall: x");
        assert!(matches!(
            seen.missing("cgo-call"),
            Some(Judgement::NotEnoughData { .. })
        ));
        assert!(matches!(
            seen.missing("no-such"),
            Some(Judgement::NotEnoughData { .. })
        ));
        assert!(seen.missing("alloc").is_none());
    }

    #[test]
    fn a_few_windows_that_saw_nothing_are_no_clean_bill() {
        let silent = |windows| {
            let mut seen = sample::idle();
            seen.windows.insert("park".to_owned(), windows);
            seen.silent("park", 100.0, "none")
        };
        let why = |windows| match silent(windows) {
            Judgement::NotEnoughData { why, .. } => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(0), "probe park was on in a first look only");
        assert_eq!(why(1), "probe park was on in 1 short window only");
        assert_eq!(why(4), "probe park was on in 4 short windows only");
        assert!(matches!(silent(5), Judgement::Clear(_)));
    }

    #[test]
    fn a_target_that_was_stopped_is_no_clean_bill() {
        let mut seen = sample::idle();
        assert!(matches!(
            seen.silent("park", 10.0, "none"),
            Judgement::Clear(_)
        ));
        seen.stopped_seconds = seen.seconds;
        let answer = seen.silent("park", 10.0, "none");
        assert!(
            matches!(answer, Judgement::NotEnoughData { .. }),
            "{answer:?}"
        );
    }

    #[test]
    fn a_rate_within_the_interval_is_neither_found_nor_a_clean_bill() {
        let judge = |low, high| {
            let calls = sample::calls("alloc").per_second(100.0).between(low, high);
            let seen = sample::idle().with(calls);
            let fault = |_: &Observed, site: &AtSite<'_>| Fault::at(site, "x");
            seen.frequent("alloc", 90.0, |_| true, fault, "none")
        };
        assert!(matches!(judge(0.9, 1.1), Judgement::Found(_)));
        assert!(matches!(judge(0.2, 1.8), Judgement::NotEnoughData { .. }));
        assert!(matches!(judge(0.2, 0.8), Judgement::Clear(_)));
    }

    #[test]
    fn silence_counts_from_three_expected_operations_on() {
        let seen = sample::idle();
        let rate = EXPECTED_HITS / seen.seconds;
        assert!(matches!(
            seen.silent("alloc", rate, "x"),
            Judgement::Clear(_)
        ));
        let answer = seen.silent("alloc", rate * 0.99, "x");
        assert!(
            matches!(answer, Judgement::NotEnoughData { .. }),
            "{answer:?}"
        );
    }
}
