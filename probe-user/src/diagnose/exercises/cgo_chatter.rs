//! `cgo-chatter`.
//!
//! # What it looks for
//! A line that calls C 10 000 times a second or more, for less than a microsecond each.
//! # Why it matters
//! Leaving Go and coming back costs 90 to 140 ns (measured, Go 1.21 to 1.27), whatever C does.
//! # Evidence
//! Rate and median of `runtime.cgocall` (src/runtime/cgocall.go).
//! # What to try
//! One call for many items.
//! # References
//! dive-14.

use super::prelude::*;

/// From the catalogue: below it the transitions are under 0.2 % of a CPU.
const RATE_PER_S: f64 = 10_000.0;
/// From the catalogue: above it C is most of the call.
const MEDIAN_NS: u64 = 1_000;
/// One way into C and back (measured, facts on Go 1.21 to 1.27).
const TRANSITION_NS: f64 = 115.0;

pub static RULE: Rule = Rule {
    name: "cgo-chatter",
    exercises: &["dive-14"],
    probes: &["cgo-call"],
    examine,
    advice: Advice {
        refuted_by: "a CPU profile in which the C function itself, not runtime.cgocall, has most of the time.",
        cure: "Hand C a batch: one call that takes a pointer and a length, and loops in C. Or write the few lines in Go.",
        do_not_bother_when: "The calls are few thousand a second, or each does microseconds of work in C.",
    },
    explanation: Explanation {
        title: "Many short calls into C",
        in_the_runtime: "runtime.cgocall tells the scheduler that this thread leaves Go, switches to the system stack, calls C, and on return has to get its P back. That is some 100 ns without any work; and after about 20 µs in C the P may be taken away, so that the return waits for a free one.",
        how_it_is_seen: "A pair of probes on runtime.cgocall counts and times the calls per line. Found from 10 000 calls a second on with a median below 1 µs.",
        example: "// before\nfor i, r := range records {\n\tsums[i] = uint32(C.sum((*C.char)(unsafe.Pointer(&r[0])), C.int(len(r))))\n}\n\n// after: one transition for all of them\nC.sum_all(&flat[0], &lengths[0], C.int(len(lengths)), &sums[0])",
        versions: "The transition got cheaper over the releases, 140 ns at Go 1.21 and about 90 at 1.27; it is still the larger part of a short call.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let mut sites = observed.sites("cgo-call", |calls| calls.by_user);
    sites.retain(|site| net_median(site).is_some_and(|ns| ns < MEDIAN_NS));
    observed.beyond(&sites, Threshold::rate(RATE_PER_S), fault, || {
        observed.silent(
            "cgo-call",
            RATE_PER_S,
            "no line makes many short calls into C",
        )
    })
}

/// The median, with what the probes themselves take away as far as the mean is freed of it.
fn net_median(site: &AtSite<'_>) -> Option<u64> {
    let median = site.quantile_ns(0.5)?;
    Some(median.min(site.mean_ns().map_or(u64::MAX, |ns| ns as u64)))
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * TRANSITION_NS);
    Fault::at(site, "many short calls into C")
        .evidence("calls", site.rate_per_s(), "1/s")
        .evidence_if("median", net_median(site).map(|ns| ns as f64), "ns")
        .evidence("CPU for the transitions", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn into_c(rate: f64, ns: u64) -> Calls {
        calls("cgo-call").per_second(rate).lasting(ns)
    }

    #[test]
    fn many_short_calls_are_found_and_cost_their_transitions() {
        let faults = found(examine(&idle().with(into_c(500_000.0, 150))));
        assert!((faults[0].cost_share - 0.0575).abs() < 1e-6);
        assert_eq!(faults[0].severity(), Severity::Warning);
    }

    #[test]
    fn long_work_in_c_is_silent() {
        assert!(is_clear(&examine(&idle().with(into_c(50_000.0, 5_000)))));
    }

    #[test]
    fn the_thresholds_are_ten_thousand_and_a_microsecond() {
        assert_eq!(found(examine(&idle().with(into_c(10_000.0, 900)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(into_c(9_999.0, 900)))));
        assert!(is_clear(&examine(&idle().with(into_c(10_000.0, 1_100)))));
    }

    #[test]
    fn the_librarys_own_calls_are_not_the_users() {
        assert!(is_clear(&examine(
            &idle().with(into_c(50_000.0, 150).not_by_user())
        )));
    }
}
