//! `polling-select`.
//!
//! # What it looks for
//! A line that asks a channel without waiting, in a loop, and finds it empty.
//! # Why it matters
//! It burns a CPU to wait.
//! # Evidence
//! Non-blocking receives and selects per line, and how many came back empty.
//! # What to try
//! Block.
//! # References
//! source-2; src/runtime/chan.go `selectnbrecv`, select.go `selectgo`.

use super::prelude::*;
use crate::{
    diagnose::sampled::{Sampled, of_the_program},
    report::StackFrame,
};

/// From the catalogue.
const RATE_PER_S: f64 = 100_000.0;
const EMPTY_SHARE: f64 = 0.95;
/// Fewer samples tell no share, not even at least.
const MIN_SAMPLES: u64 = 6;
/// Empty polls don't take so many times their price on average, and so there are at least as many as the CPU time in them
/// has room for.
const SLOWEST: f64 = 5.0;
/// An empty poll, with the loop around it.
const POLL_NS: f64 = 10.0;
/// A select of several cases locks each channel.
const SELECT_NS: f64 = 75.0;

pub static RULE: Rule = Rule {
    name: "polling-select",
    exercises: &["source-2"],
    probes: &["chan-recv", "select"],
    examine,
    advice: Advice {
        refuted_by: "work of its own in each turn of the loop, which the poll only interrupts.",
        cure: "Drop the default case and let select wait; add what ends the wait, a done channel or a context, as another case.",
        do_not_bother_when: "The loop does real work between polls, and a poll is a small part of it.",
    },
    explanation: Explanation {
        title: "Polling a channel in a loop",
        in_the_runtime: "A select with a default and one case is a look at the channel that returns at once; with several cases it locks every channel in turn before it gives up. In a loop without anything else it takes a whole CPU, and the goroutine that would send waits for one.",
        how_it_is_seen: "Receives and selects that may not wait are counted per line, with those that came back empty. Found from 100 000 a second of which 95 % are empty, or where so many must be for the CPU time that samples show in them: the probes slow such a loop down while they are on.",
        example: "// before\nfor {\n\tselect {\n\tcase job := <-work:\n\t\tprocess(job)\n\tdefault:\n\t}\n}\n\n// after\nfor {\n\tselect {\n\tcase job := <-work:\n\t\tprocess(job)\n\tcase <-done:\n\t\treturn\n\t}\n}",
        versions: "Go 1.21 to 1.27 alike. A loop that polls a closed channel or a nil one is not told apart.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let polls = |calls: &Calls| calls.directly_by_user() && calls.detail == 0;
    let mut faults = Vec::new();
    let mut in_doubt = None;
    for (probe, each_ns) in [("chan-recv", POLL_NS), ("select", SELECT_NS)] {
        let mut sites = observed.sites(probe, polls);
        sites.retain(|site| empty_share(observed, site, each_ns) >= EMPTY_SHARE);
        let (by_samples, others): (Vec<_>, Vec<_>) = (sites.into_iter())
            .partition(|site| sampled_rate(observed, site, each_ns) >= RATE_PER_S);
        let at = |observed: &Observed, site: &AtSite<'_>| fault(observed, site, each_ns);
        faults.extend(by_samples.iter().map(|site| at(observed, site)));
        faults.extend(observed.passing(&others, Threshold::rate(RATE_PER_S), at));
        in_doubt = in_doubt.or_else(|| undecided(&others, Threshold::rate(RATE_PER_S)));
    }
    Judgement::found_or(faults, || {
        if let Some(in_doubt) = in_doubt {
            return in_doubt;
        }
        let clear = "no line polls a channel in a tight loop";
        match observed.silent("chan-recv", RATE_PER_S, clear) {
            Judgement::Clear(_) => observed
                .silent("select", RATE_PER_S, clear)
                .or_clear_if_not_linked(clear),
            Judgement::NotApplicable(_) => observed.silent("select", RATE_PER_S, clear),
            other => other,
        }
    })
}

/// How many polls of this line there are at least, a second, by the samples that lie in them.
fn sampled_rate(observed: &Observed, site: &AtSite<'_>, each_ns: f64) -> f64 {
    let least = sampled(observed, site).least();
    least * observed.cpus_used().unwrap_or(0.0) * 1e9 / (SLOWEST * each_ns)
}

/// CPU samples that lie in polls of this line.
fn sampled(observed: &Observed, site: &AtSite<'_>) -> Sampled {
    const POLLS: [&str; 4] = [
        "runtime.selectnbrecv",
        "runtime.chanrecv",
        "runtime.selectgo",
        "runtime.selectnbsend",
    ];
    let Some(samples) = observed.enough_samples(MIN_SAMPLES) else {
        return Sampled::default();
    };
    let polls_here = |stack: &[StackFrame]| {
        stack.windows(2).any(|pair| match pair {
            [inner, outer] => POLLS.contains(&inner.function.as_ref()) && site.is_at(outer),
            _ => false,
        })
    };
    of_the_program(samples, |stack| polls_here(&stack.stack))
}

/// Of the operations that ended while they were watched. A loop that turns until something comes turns less often while
/// it is watched, and as much comes: what there are more by the samples are empty polls.
fn empty_share(observed: &Observed, site: &AtSite<'_>, each_ns: f64) -> f64 {
    let ended = site.count * site.completed as f64 / site.hits.max(1) as f64;
    if ended <= 0.0 {
        return 0.0;
    }
    let full = (1.0 - site.noted / ended).max(0.0);
    let more = sampled_rate(observed, site, each_ns) / site.rate_per_s().max(f64::MIN_POSITIVE);
    1.0 - full / more.max(1.0)
}

fn fault(observed: &Observed, site: &AtSite<'_>, each_ns: f64) -> Fault {
    let share = observed
        .cpu_share(site.rate_per_s() * each_ns)
        .max(sampled(observed, site).share());
    Fault::at(site, "a channel is polled in a loop")
        .evidence("polls", site.rate_per_s(), "1/s")
        .evidence(
            "of them empty",
            empty_share(observed, site, each_ns),
            "share",
        )
        .evidence("CPU for them, at least", share, "share")
        .costs(share)
        .less_sure(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{CpuSamples, SampledStack};

    fn polls(rate: f64, empty: f64) -> Calls {
        calls("chan-recv").per_second(rate).noting(empty).detail(0)
    }

    fn watched() -> Observed {
        idle().with_probe("chan-recv").with_probe("select")
    }

    #[test]
    fn a_loop_that_finds_nothing_is_found() {
        let faults = found(examine(&watched().with(polls(20_000_000.0, 0.999))));
        assert_eq!(faults[0].severity(), Severity::Critical);
        let select = Calls {
            probe: "select".to_owned(),
            ..polls(200_000.0, 0.99)
        };
        assert_eq!(
            found(examine(&watched().with(select)))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn the_thresholds_are_a_hundred_thousand_and_95_percent() {
        assert_eq!(
            found(examine(&watched().with(polls(100_000.0, 0.95)))).len(),
            1
        );
        assert!(is_clear(&examine(&watched().with(polls(99_999.0, 0.95)))));
        assert!(is_clear(&examine(&watched().with(polls(100_000.0, 0.94)))));
    }

    #[test]
    fn a_loop_that_the_probes_slow_down_is_told_by_samples() {
        let slow = |in_polls| {
            let mut seen = watched().with(polls(6_000.0, 0.99));
            let poll = [
                "runtime.chanrecv",
                "runtime.selectnbrecv",
                "example.com/api/work.Do",
            ];
            let stack = |functions: &[&str], samples| SampledStack {
                stack: functions.iter().map(|name| sample::frame(name)).collect(),
                samples,
                ..SampledStack::default()
            };
            let stacks = vec![
                stack(&poll, in_polls),
                stack(&["main.main"], 100 - in_polls),
            ];
            seen.samples = Some(CpuSamples {
                hertz: 99,
                total: 100,
                stacks,
                ..CpuSamples::default()
            });
            seen
        };
        assert_eq!(found(examine(&slow(2))).len(), 1);
        assert!(is_clear(&examine(&slow(1))));
    }

    #[test]
    fn what_windows_leave_open_is_not_clear() {
        let about =
            |rate, low, high| examine(&watched().with(polls(rate, 0.99).between(low, high)));
        let hint = found(about(4_000_000.0, 0.02, 50.0)).remove(0);
        assert_eq!(hint.severity(), Severity::Info);
        assert!(is_undecided(&about(66_000.0, 0.03, 30.0)));
    }

    #[test]
    fn receives_that_wait_are_silent() {
        let blocking = polls(500_000.0, 0.0).detail(1);
        assert!(is_clear(&examine(&watched().with(blocking))));
    }
}
