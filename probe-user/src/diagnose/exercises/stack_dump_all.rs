//! `stack-dump-all`.
//!
//! # What it looks for
//! Dumps of all goroutines' stacks, again and again.
//! # Why it matters
//! The world stands still while every stack is written out (src/runtime/mprof.go `Stack`, Go 1.21 to 1.27).
//! # Evidence
//! Calls of `runtime.Stack` with `all`, and the stops of the world with that reason.
//! # What to try
//! Count first, dump once.
//! # References
//! source-14, package-6.

use super::prelude::*;

/// From the catalogue: source-14 is a dump per request.
const RATE_PER_S: f64 = 1.0;
/// Dumps in a window from which they are a beat: package-6 is one every few seconds.
const REPEATED: u64 = 2;
/// `stwAllGoroutinesStackTrace` of src/runtime/proc.go.
const ALL_STACKS: u8 = 6;

pub static RULE: Rule = Rule {
    name: "stack-dump-all",
    exercises: &["source-14", "package-6"],
    probes: &["stop-the-world", "stack-dump"],
    examine,
    advice: Advice {
        refuted_by: "dumps that somebody asked for while the program was watched.",
        cure: "Watch a count instead (runtime/metrics /sched/goroutines:goroutines) and dump once when it crosses a limit; for one goroutine's own stack call runtime.Stack(buf, false).",
        do_not_bother_when: "The program has a few dozen goroutines and the longest pause is below a millisecond.",
    },
    explanation: Explanation {
        title: "All stacks are dumped again and again",
        in_the_runtime: "runtime.Stack(buf, true) stops the world, walks every goroutine's stack and formats it as text, names and lines looked up, until the buffer is full. 2 000 goroutines took 4 to 6.5 ms (measured); it grows with their number.",
        how_it_is_seen: "Stops of the world carry their reason: \"all goroutines stack trace\". Found from one a second at a line (source-14), and from two in a window (package-6), with the pauses.",
        example: "// before\nfor range time.Tick(5 * time.Second) {\n\tn := runtime.Stack(buf, true)\n\tlookForStuck(buf[:n])\n}\n\n// after\nfor range time.Tick(30 * time.Second) {\n\tif n := runtime.NumGoroutine(); n > limit {\n\t\tdumpOnce()\n\t}\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let sites = observed.sites("stop-the-world", |calls| {
        calls.reason == ALL_STACKS && calls.by_user
    });
    let faults = sites
        .iter()
        .filter(|site| site.hits >= REPEATED)
        .map(|site| fault(site))
        .collect();
    Judgement::found_or(faults, || {
        observed.silent(
            "stop-the-world",
            RATE_PER_S,
            "nobody dumps all stacks repeatedly",
        )
    })
}

fn fault(site: &AtSite<'_>) -> Fault {
    let share = site.ns_per_s() / 1e9;
    let keys: &[&'static str] = if site.rate_per_s() >= RATE_PER_S {
        &["source-14", "package-6"]
    } else {
        &["package-6"]
    };
    Fault::at(site, "the world is stopped to dump all stacks")
        .exercises(keys)
        .evidence("dumps", site.rate_per_s(), "1/s")
        .evidence_if("mean pause", site.mean_ns(), "ns")
        .evidence("longest pause", site.max_ns as f64, "ns")
        .evidence("stopped", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dumps(rate: f64) -> Calls {
        calls("stop-the-world")
            .per_second(rate)
            .lasting(5_000_000)
            .reason(ALL_STACKS)
            .through_runtime(&["runtime.Stack"])
    }

    #[test]
    fn a_dump_per_request_is_both_exercises() {
        let faults = found(examine(&idle().with(dumps(20.0))));
        assert_eq!(faults[0].exercises, ["source-14", "package-6"]);
        assert_eq!(faults[0].severity(), Severity::Critical);
    }

    #[test]
    fn a_beat_of_some_seconds_is_the_periodic_one() {
        let faults = found(examine(&idle().with(dumps(0.3))));
        assert_eq!(faults[0].exercises, ["package-6"]);
        assert_eq!(faults[0].severity(), Severity::Info);
    }

    #[test]
    fn one_dump_is_silent() {
        assert!(is_clear(&examine(&idle().with(dumps(0.1)))));
        assert_eq!(found(examine(&idle().with(dumps(0.2)))).len(), 1);
    }

    #[test]
    fn dumps_of_one_stack_do_not_stop_the_world() {
        let own = calls("stack-dump").per_second(1_000.0).detail(0);
        assert!(is_clear(&examine(&idle().with(own))));
    }
}
