//! `block-profile-rate`.
//!
//! # What it looks for
//! The block profiler sampling nearly every event.
//! # Why it matters
//! Each blocked operation takes a stack and a lock (src/runtime/mprof.go `saveblockevent`).
//! # Evidence
//! `runtime.blockprofilerate` in the process, and the events that were recorded.
//! # What to try
//! 10 µs or more, or off.
//! # References
//! package-5.

use super::prelude::*;

/// From the catalogue: at 10 µs an event shorter than that is rarely taken.
const FINE_NS: u64 = 10_000;
/// The runtime keeps the rate in ticks of a clock whose speed it has measured, as rtprobe has, a moment each.
const CLOCK_ERROR_NS: u64 = FINE_NS / 20;
/// One recorded event: a stack walk, a hash, a lock.
const EVENT_NS: f64 = 1_000.0;

pub static RULE: Rule = Rule {
    name: "block-profile-rate",
    exercises: &["package-5"],
    probes: &["block-profile"],
    examine,
    advice: Advice {
        refuted_by: "a profile that somebody takes right now, and that ends.",
        cure: "Set runtime.SetBlockProfileRate(0), or at least 10000 (10 µs), and switch it on for a diagnosis only.",
        do_not_bother_when: "Goroutines block a few hundred times a second.",
    },
    explanation: Explanation {
        title: "The block profiler records every event",
        in_the_runtime: "While the rate is not 0, every channel operation, select and lock that may block reads the clock. Those that did block for longer than the rate, and a share of the shorter ones, walk the stack and update a bucket under a lock. At rate 1 that is all of them; even at a coarse rate the clock is read, which cost up to half of the throughput of a busy channel (measured).",
        how_it_is_seen: "The rate is read from the process; a probe on the recording counts events. Found below 10 µs. Where one line alone of the program sets it, that line is named.",
        example: "// before\nfunc main() {\n\truntime.SetBlockProfileRate(1)\n\tserve()\n}\n\n// after\nfunc main() {\n\tserve() // an admin endpoint sets the rate for a minute\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let rate = observed.setting(|settings| settings.block_profile_rate_ns);
    let events = observed.sites("block-profile", |_| true);
    let per_s = total(&events, AtSite::rate_per_s);
    let Some((before, after)) = rate else {
        return match observed.missing("block-profile") {
            Some(Judgement::NotApplicable(why)) => Judgement::NotApplicable(why),
            _ if observed.has("block-profile") && per_s == 0.0 => {
                Judgement::Clear("nothing was recorded for the block or mutex profile".to_owned())
            }
            _ => Judgement::not_enough(
                "the block profiler's rate could not be read from the process",
                "a build whose globals rtprobe finds",
            ),
        };
    };
    let finest = [before, after].into_iter().filter(|&ns| ns > 0).min();
    match finest {
        None => Judgement::Clear("the block profiler is off".to_owned()),
        Some(ns) if ns >= FINE_NS - CLOCK_ERROR_NS => {
            Judgement::Clear(format!("the block profiler samples per {ns} ns of waiting"))
        }
        Some(ns) => Judgement::Found(vec![fault(observed, ns, per_s)]),
    }
}

fn fault(observed: &Observed, rate_ns: u64, per_s: f64) -> Fault {
    let share = observed.cpu_share(per_s * EVENT_NS);
    let fault = Fault::new("the block profiler records nearly every event")
        .evidence("rate", rate_ns as f64, "ns")
        .costs(share)
        .line(observed.only_caller("runtime.SetBlockProfileRate"));
    if observed.has("block-profile") {
        return fault.evidence("events recorded", per_s, "1/s");
    }
    fault.less_sure(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ns: u64) -> Observed {
        idle().stated(|state| state.settings.block_profile_rate_ns = Some(ns))
    }

    #[test]
    fn rate_one_is_found_and_weighs_its_events() {
        let busy = at(1).with(calls("block-profile").per_second(50_000.0));
        assert_eq!(found(examine(&busy))[0].severity(), Severity::Warning);
        assert_eq!(found(examine(&at(1)))[0].severity(), Severity::Info);
    }

    #[test]
    fn the_one_line_that_set_it_is_named() {
        let line = |lines| {
            let seen = at(1).calling("runtime.SetBlockProfileRate", lines);
            let site = found(examine(&seen)).remove(0).site;
            site.map(|site| site.line)
        };
        assert_eq!(line(&[7]), Some(7));
        assert_eq!(line(&[7, 9]), None, "which of them is not known");
        assert_eq!(line(&[]), None);
    }

    #[test]
    fn ten_microseconds_is_the_threshold() {
        let least = FINE_NS - CLOCK_ERROR_NS;
        assert!(is_clear(&examine(&at(least))));
        assert_eq!(found(examine(&at(least - 1))).len(), 1);
    }

    #[test]
    fn off_is_clear_and_unknown_is_not() {
        assert!(is_clear(&examine(&at(0))));
        assert!(is_undecided(&examine(
            &idle().with(calls("block-profile").per_second(10.0))
        )));
    }
}
