//! `long-stop-the-world`.
//!
//! # What it looks for
//! Stops of the world that last longer than 100 µs.
//! # Why it matters
//! Every goroutine waits meanwhile.
//! # Evidence
//! The pause from the request until the world runs again, by reason and by who asked for it
//! (src/runtime/proc.go `stopTheWorldWithSema`, Go 1.21 to 1.27).
//! # What to try
//! What the reason says.
//! # References
//! source, section 16.

use super::prelude::*;
use crate::plan::stop_the_world_reason;

/// From the catalogue: collections stop the world for 10 to 50 µs on an idle host.
const PAUSE_NS: u64 = 100_000;
/// The rarer ones may be the host's doing: a thread that did not get its CPU.
const QUANTILE: f64 = 0.5;

pub static RULE: Rule = Rule {
    name: "long-stop-the-world",
    exercises: &[],
    probes: &["stop-the-world"],
    examine,
    advice: Advice {
        refuted_by: "a host whose CPUs are taken by others: the same pauses under the same load on an idle host are short.",
        cure: "Ask for fewer stops of this kind, or have fewer Ps and goroutines for each to deal with.",
        do_not_bother_when: "The sum of the pauses is far below what you promise your users as latency.",
    },
    explanation: Explanation {
        title: "Stops of the world that are long",
        in_the_runtime: "To stop the world the runtime asks every P to stop at its next safe point and waits for the last one; then it does what it stopped for; then it wakes the Ps again. What takes long is a goroutine that does not reach a safe point, a thread that the kernel does not run, or the work in between: a dump of all stacks, a change of GOMAXPROCS, a memory statistic.",
        how_it_is_seen: "A pair of probes around each stop measures it from the request until the world runs again, with the runtime's reason and the line that led to it. Found where every other one lasts longer than 100 µs; the severity is their share of the time.",
        example: "// before: every reading of the statistics is a stop\nruntime.ReadMemStats(&m)\n\n// after: no stop\nmetrics.Read(samples)",
        versions: "Reasons have names from Go 1.21 on; goroutine profiles stop the world for a moment only since 1.19.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let mut faults = Vec::new();
    let mut reasons: Vec<u8> = Vec::new();
    for calls in &observed.calls {
        if calls.probe == "stop-the-world" && !reasons.contains(&calls.reason) {
            reasons.push(calls.reason);
        }
    }
    for reason in reasons {
        let sites = observed.sites("stop-the-world", |calls| calls.reason == reason);
        faults.extend(sites.iter().filter_map(|site| fault(site, reason)));
    }
    Judgement::found_or(faults, || {
        if let Some(missing) = observed.missing("stop-the-world") {
            return missing;
        }
        Judgement::Clear("most stops of the world are shorter than 100 µs".to_owned())
    })
}

fn fault(site: &AtSite<'_>, reason: u8) -> Option<Fault> {
    let usual = site.quantile_ns(QUANTILE)?;
    if site.hits < MIN_HITS || usual <= PAUSE_NS {
        return None;
    }
    let share = site.ns_per_s() / 1e9;
    let reason = stop_the_world_reason(reason.into());
    let mut fault = Fault::at(site, format!("long stops of the world: {reason}"))
        .evidence("stops", site.rate_per_s(), "1/s")
        .evidence("median pause", usual as f64, "ns")
        .evidence("longest pause", site.max_ns as f64, "ns")
        .evidence("stopped", share, "share")
        .costs(share);
    if !site.by_user {
        fault.site = None;
    }
    // Whether the program or the host makes it long can't be told from the pauses alone.
    Some(fault.less_sure(0.7))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(ns: u64) -> Calls {
        calls("stop-the-world")
            .per_second(10.0)
            .lasting(ns)
            .reason(6)
    }

    #[test]
    fn long_stops_are_found_with_reason_and_line() {
        let faults = found(examine(&idle().with(stops(5_000_000))));
        assert_eq!(
            faults[0].title,
            "long stops of the world: all goroutines stack trace"
        );
        assert_eq!(faults[0].severity(), Severity::Warning);
        assert!(faults[0].site.is_some());
    }

    #[test]
    fn the_threshold_is_a_hundred_microseconds() {
        assert!(is_clear(&examine(&idle().with(stops(90_000)))));
        assert_eq!(found(examine(&idle().with(stops(110_000)))).len(), 1);
    }

    #[test]
    fn a_single_straggler_is_not_a_finding() {
        let mut short = stops(20_000);
        short.max_ns = 3_000_000;
        assert!(is_clear(&examine(&idle().with(short))));
        let once = stops(3_000_000).per_second(0.1).lasting(3_000_000);
        assert!(is_clear(&examine(&idle().with(once))));
    }

    #[test]
    fn the_runtimes_own_stops_are_of_the_process() {
        let faults = found(examine(&idle().with(stops(500_000).not_by_user())));
        assert!(faults[0].site.is_none());
    }
}
