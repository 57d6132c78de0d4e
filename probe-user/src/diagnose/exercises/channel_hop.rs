//! `channel-hop`.
//!
//! # What it looks for
//! A line where goroutines park on a channel ten thousand times a second.
//! # Why it matters
//! Each park and wake-up is a pass through the scheduler, often across threads.
//! # Evidence
//! Parks below channel operations per line, with the time until the wake-up.
//! # What to try
//! Batches, buffers, fewer stages.
//! # References
//! internals-6; src/runtime/proc.go `gopark`, `goready`.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;
/// A park and a wake-up (measured 130 to 250 and 230 to 590 ns on one P).
const HOP_NS: f64 = 600.0;
/// Channel operations that park.
const OPERATIONS: [&str; 3] = ["runtime.chansend", "runtime.chanrecv", "runtime.selectgo"];

/// With a smaller share of the CPU the work for each element is twenty times the hand-over, which is fair.
const WORTH_SHARE: f64 = 0.05;

pub static RULE: Rule = Rule {
    name: "channel-hop",
    exercises: &["internals-6"],
    probes: &["park"],
    examine,
    advice: Advice {
        refuted_by: "work per element that is far longer than a hand-over: then the stages are worth it.",
        cure: "Hand over batches, a slice per send, or give the channel a buffer; join stages that only pass on.",
        do_not_bother_when: "Each element carries tens of microseconds of work.",
    },
    explanation: Explanation {
        title: "A hand-over for every element",
        in_the_runtime: "A receive from an empty channel, or a send to one that is full, parks the goroutine: it is queued at the channel and the scheduler looks for another to run. The other side finds it there, hands the element over and makes it runnable, which may wake a thread by a system call. That is 0.4 to 0.9 µs on one P and more across, for each element of each stage.",
        how_it_is_seen: "Parks below channel operations are counted and timed per line; operations that need not wait are not. Found from 10 000 a second at one line.",
        example: "// before\nfor _, row := range rows {\n\tout <- row // unbuffered\n}\n\n// after\nfor batch := range slices.Chunk(rows, 256) {\n\tout <- batch\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let on_channel = |calls: &Calls| {
        calls.directly_by_user() && OPERATIONS.iter().any(|operation| calls.passes(operation))
    };
    observed.frequent(
        "park",
        RATE_PER_S,
        on_channel,
        fault,
        "no line parks on a channel ten thousand times a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * HOP_NS);
    let most = if share < WORTH_SHARE {
        Severity::Info
    } else {
        Severity::Critical
    };
    Fault::at(site, "goroutines hand over element by element")
        .evidence("parks", site.rate_per_s(), "1/s")
        .evidence_if(
            "median wait",
            site.quantile_ns(0.5).map(|ns| ns as f64),
            "ns",
        )
        .evidence("CPU for the hand-over", share, "share")
        .costs(share)
        .at_most(most)
        .less_sure(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parks(rate: f64, operation: &str) -> Calls {
        calls("park")
            .per_second(rate)
            .lasting(20_000)
            .through_runtime(&[operation])
    }

    #[test]
    fn a_park_per_element_is_found() {
        let faults = found(examine(&idle().with(parks(100_000.0, "runtime.chanrecv"))));
        assert_eq!(faults[0].severity(), Severity::Warning);
    }

    #[test]
    fn work_that_is_much_more_than_the_hand_over_is_worth_it() {
        let busy = idle()
            .ended(|state| state.cpu_time_ns = state.cpu_time_ns.map(|ns| 4 * ns))
            .with(parks(100_000.0, "runtime.chanrecv"));
        assert_eq!(found(examine(&busy))[0].severity(), Severity::Info);
    }

    #[test]
    fn ten_thousand_is_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(parks(10_000.0, "runtime.chansend")))).len(),
            1
        );
        assert!(is_clear(&examine(
            &idle().with(parks(9_999.0, "runtime.chansend"))
        )));
    }

    #[test]
    fn other_waits_and_the_librarys_own_are_silent() {
        assert!(is_clear(&examine(
            &idle().with(parks(90_000.0, "runtime.netpollblock"))
        )));
        let library = parks(90_000.0, "runtime.selectgo")
            .through_library(&["net/http.(*persistConn).roundTrip"]);
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
