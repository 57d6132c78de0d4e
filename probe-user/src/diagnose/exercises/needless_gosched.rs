//! `needless-gosched`.
//!
//! # What it looks for
//! A line that yields a thousand times a second.
//! # Why it matters
//! Each yield goes through the scheduler and its global queue (src/runtime/proc.go `gosched_m`).
//! # Evidence
//! Yields per line.
//! # What to try
//! Leave it out.
//! # References
//! source-7; asynchronous preemption, Go 1.14.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// One turn through the scheduler (100 to 200 ns by the text, and a cold cache after it).
const YIELD_NS: f64 = 200.0;

pub static RULE: Rule = Rule {
    name: "needless-gosched",
    exercises: &["source-7"],
    probes: &["gosched"],
    examine,
    advice: Advice {
        refuted_by: "a loop that waits for another goroutine and can't use a channel or a lock for it.",
        cure: "Delete the call: the runtime takes the CPU from a goroutine after 10 ms by itself. A loop that waits for something should block on a channel, a sync.Cond or a lock.",
        do_not_bother_when: "It yields a few hundred times a second.",
    },
    explanation: Explanation {
        title: "Yielding by hand",
        in_the_runtime: "runtime.Gosched puts the goroutine at the end of the global run queue, under the scheduler's lock, and looks for another to run. If there is none it is back at once, some 100 to 200 ns later; if there are many it may come back on another CPU with cold caches.",
        how_it_is_seen: "Yields are counted per line of the program. Found from 1 000 a second.",
        example: "// before\nfor i, v := range data {\n\tsum += f(v)\n\tif i%1000 == 0 {\n\t\truntime.Gosched()\n\t}\n}\n\n// after\nfor _, v := range data {\n\tsum += f(v)\n}",
        versions: "Since Go 1.14 loops are preempted by a signal; before, a loop without a call could hold its CPU.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "gosched",
        RATE_PER_S,
        yields_itself,
        fault,
        "no line yields a thousand times a second",
    )
}

/// Whether the line calls `runtime.Gosched`: `runtime.GC` yields by itself while it waits for the sweeping.
fn yields_itself(calls: &Calls) -> bool {
    let mut called = calls.below.iter().map(|symbol| &symbol.frame.function);
    calls.by_user && called.all(|function| &**function == "runtime.Gosched")
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * YIELD_NS);
    Fault::at(site, "the program yields by hand")
        .evidence("yields", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yields(rate: f64) -> Calls {
        calls("gosched")
            .per_second(rate)
            .through_runtime(&["runtime.Gosched"])
    }

    #[test]
    fn the_yields_of_a_forced_collection_are_its_own() {
        let waiting = yields(300_000.0).through_runtime(&["runtime.GC"]);
        assert!(is_clear(&examine(&idle().with(waiting))));
    }

    #[test]
    fn many_yields_are_found_and_weigh_their_time() {
        assert_eq!(
            found(examine(&idle().with(yields(100_000.0))))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(yields(1_000.0))))[0].severity(),
            Severity::Info
        );
        assert!(is_clear(&examine(&idle().with(yields(999.0)))));
    }

    #[test]
    fn the_librarys_own_yields_are_silent() {
        let library = yields(9_000.0).through_library(&["sync.(*Map).Range"]);
        assert!(is_clear(&examine(&idle().with(library))));
        assert!(is_clear(&examine(
            &idle().with(yields(9_000.0).not_by_user())
        )));
    }
}
