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
/// Share of the time from which the stops of collections that nobody asked for are worth a word.
const COLLECTIONS_SHARE: f64 = 0.001;
/// Share of a line's stops from which long ones are its way: rarer ones may be the host's doing, a thread that did
/// not get its CPU.
const USUAL_SHARE: f64 = 0.5;

/// `stwGCMarkTerm` and `stwGCSweepTerm` (src/runtime/proc.go).
const COLLECTIONS: [u8; 2] = [1, 2];
/// What programs ask for a collection by.
const ASKING: [&str; 2] = ["runtime.GC", "runtime/debug.FreeOSMemory"];

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
        how_it_is_seen: "A pair of probes around each stop measures it from the request until the world runs again, with the runtime's reason and the line that led to it. Found where stops last longer than 100 µs; the severity is their share of the time, less the part that the kernel kept threads of the program waiting for a CPU. Where less than half of a line's stops are long, and the threads waited for longer than these took, the host explains them, and they are not found.",
        example: "// before: every reading of the statistics is a stop\nruntime.ReadMemStats(&m)\n\n// after: no stop\nmetrics.Read(samples)",
        versions: "Reasons have names from Go 1.21 on; goroutine profiles stop the world for a moment only since 1.19.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let mut faults = Vec::new();
    let mut by_host = 0_u64;
    for (kind, sites) in kinds(observed) {
        for site in &sites {
            match blame(observed, site) {
                Blame::Nobody => {}
                Blame::Host(stops) => by_host = by_host.saturating_add(stops),
                Blame::Program(most) => faults.push(fault(observed, site, &kind, most)),
            }
        }
    }
    Judgement::found_or(faults, || {
        if let Some(missing) = observed.missing("stop-the-world") {
            return missing;
        }
        Judgement::Clear(match by_host {
            0 => "no stop of the world was longer than 100 µs".to_owned(),
            n => format!(
                "{n} stops of the world were longer than 100 µs, while the program's threads waited for a CPU for \
                 longer than these took together"
            ),
        })
    })
}

/// Stops by their reason and line. Those of collections that nobody asked for are one kind, of the whole
/// process: the line that happened to allocate the last byte is not their cause.
fn kinds(observed: &Observed) -> Vec<(String, Vec<AtSite<'_>>)> {
    let mut reasons: Vec<u8> = Vec::new();
    for calls in &observed.calls {
        if calls.probe == "stop-the-world" && !reasons.contains(&calls.reason) {
            reasons.push(calls.reason);
        }
    }
    let by_line = |reason: u8| {
        let is_it = |calls: &Calls| calls.reason == reason && !is_collectors(calls);
        let sites = observed.sites("stop-the-world", is_it);
        (stop_the_world_reason(reason.into()), sites)
    };
    let mut kinds: Vec<_> = reasons.into_iter().map(by_line).collect();
    let collections = observed.together("stop-the-world", is_collectors);
    kinds.push(("collections".to_owned(), collections.into_iter().collect()));
    kinds
}

fn is_collectors(calls: &Calls) -> bool {
    COLLECTIONS.contains(&calls.reason) && !ASKING.iter().any(|function| calls.passes(function))
}

fn site_is_collectors(site: &AtSite<'_>) -> bool {
    site.calls.iter().all(|calls| is_collectors(calls))
}

/// Who made the long ones of a line's stops long.
enum Blame {
    /// There are none.
    Nobody,
    /// So many, and the host explains them.
    Host(u64),
    /// The program, as far as can be told: at most so severe.
    Program(Severity),
}

fn blame(observed: &Observed, site: &AtSite<'_>) -> Blame {
    let (long, long_ns_per_s) = site.long(PAUSE_NS);
    if long == 0 {
        return Blame::Nobody;
    }
    let is_usual = long as f64 >= USUAL_SHARE * site.completed as f64;
    let waited_ns_per_s = observed.waits_for_cpu().unwrap_or(0.0) * 1e9;
    if !is_usual && waited_ns_per_s >= long_ns_per_s {
        return Blame::Host(long);
    }
    if site_is_collectors(site) && long_ns_per_s < COLLECTIONS_SHARE * 1e9 {
        return Blame::Nobody;
    }
    Blame::Program(if long < MIN_HITS {
        Severity::Info
    } else {
        Severity::Critical
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>, kind: &str, most: Severity) -> Fault {
    let (long, long_ns_per_s) = site.long(PAUSE_NS);
    let share = long_ns_per_s / 1e9 * observed.served_share();
    let median = site.quantile_ns(0.5).map(|ns| ns as f64);
    let mut fault = Fault::at(site, format!("long stops of the world: {kind}"))
        .evidence("stops", site.rate_per_s(), "1/s")
        .evidence("of them long", long as f64 / site.completed as f64, "share")
        .evidence_if("median pause", median, "ns")
        .evidence("longest pause", site.max_ns as f64, "ns")
        .evidence("stopped for long", share, "share")
        .costs(share)
        .at_most(most);
    if !site.by_user {
        fault.site = None;
    }
    // Whether the program or the host makes it long can't be told from the pauses alone.
    fault.less_sure(0.7)
}

#[cfg(test)]
mod tests {
    use probe_ebpf::bucket::bucket_of;

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

    /// One long stop among many short ones, which the median does not tell.
    fn with_stragglers(n: u64) -> Observed {
        let mut stops = stops(20_000);
        stops.latencies.set(bucket_of(300_000_000), n);
        stops.max_ns = 300_000_000;
        idle().with(stops)
    }

    #[test]
    fn any_long_stop_is_a_finding_and_few_are_a_hint() {
        let hint = found(examine(&with_stragglers(1)));
        assert_eq!(hint[0].severity(), Severity::Info);
        let often = found(examine(&with_stragglers(3)));
        assert_eq!(often[0].severity(), Severity::Warning);
    }

    #[test]
    fn what_a_loaded_host_does_is_not_the_programs() {
        let waiting = |seconds: f64, seen: Observed| {
            let mut seen = seen.ended(|state| state.cpu_wait_ns = Some((seconds * 1e9) as u64));
            seen.start.as_mut().expect("a state").cpu_wait_ns = Some(0);
            seen
        };
        assert!(is_clear(&examine(&waiting(1.0, with_stragglers(3)))));
        assert_eq!(found(examine(&waiting(0.8, with_stragglers(3)))).len(), 1);
        // Of a program that always stops long the host takes its part: it used ten CPU seconds.
        let usual = |seconds| found(examine(&waiting(seconds, idle().with(stops(5_000_000)))));
        assert!((usual(0.0)[0].cost_share - 0.05).abs() < 0.002);
        assert!((usual(30.0)[0].cost_share - 0.0125).abs() < 0.001);
    }

    #[test]
    fn stops_of_collections_are_one_finding_of_the_process() {
        let of_line = |line, reason| stops(500_000).at_line(line).reason(reason);
        let seen = idle()
            .with(of_line(1, 1))
            .with(of_line(2, 2))
            .with(of_line(3, 2));
        let faults = found(examine(&seen));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].title, "long stops of the world: collections");
        assert!(faults[0].site.is_none());
        let forced = of_line(1, 2).through_runtime(&["runtime.GC"]);
        assert!(found(examine(&idle().with(forced)))[0].site.is_some());
    }

    #[test]
    fn the_runtimes_own_stops_are_of_the_process() {
        let faults = found(examine(&idle().with(stops(500_000).not_by_user())));
        assert!(faults[0].site.is_none());
    }
}
