//! `stack-growth`.
//!
//! # What it looks for
//! Stacks that are copied to larger ones, a thousand times a second below one line.
//! # Why it matters
//! Each growth allocates twice the size, copies, and adjusts every pointer into the stack.
//! # Evidence
//! Copies by `runtime.copystack` from `newstack`, per line that led there.
//! # What to try
//! Goroutines that live on, smaller frames.
//! # References
//! internals-1; src/runtime/stack.go.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// A copy of a few KiB, where it was not timed.
const COPY_NS: f64 = 1_500.0;

pub static RULE: Rule = Rule {
    name: "stack-growth",
    exercises: &["internals-1"],
    probes: &["stack-growth"],
    examine,
    advice: Advice {
        refuted_by: "goroutines that grow once, when they begin, and live long.",
        cure: "Let workers live on and give them the work, so that their stacks stay grown; or keep large arrays out of frames deep in the call chain.",
        do_not_bother_when: "Goroutines are started some hundred times a second.",
    },
    explanation: Explanation {
        title: "Stacks that grow again and again",
        in_the_runtime: "A goroutine begins with a small stack, 2 KiB or what the average was at the last collection. A call that does not fit allocates one of twice the size, copies the frames and corrects all pointers into them; a deep call chain does it three or four times. A goroutine that ends gives its stack back, and the next one begins small again.",
        how_it_is_seen: "Copies to larger stacks are counted per line that led to the call that did not fit. Found from 1 000 a second.",
        example: "// before: each one grows anew\nfor c := range conns {\n\tgo handle(c) // needs 30 KiB\n}\n\n// after: workers keep their stacks\nfor range workers {\n\tgo func() {\n\t\tfor c := range conns {\n\t\t\thandle(c)\n\t\t}\n\t}()\n}",
        versions: "Since Go 1.19 stacks begin at the average size in use (GODEBUG=adaptivestackstart=1 for more of it).",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "stack-growth",
        RATE_PER_S,
        |calls| calls.by_user,
        fault,
        "no line makes stacks grow a thousand times a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.typical_ns_per_s().max(site.rate_per_s() * COPY_NS));
    Fault::at(site, "stacks are copied to larger ones again and again")
        .evidence("copies", site.rate_per_s(), "1/s")
        .evidence_if("median", site.quantile_ns(0.5).map(|ns| ns as f64), "ns")
        .evidence("CPU for them", share, "share")
        .costs(share)
        .less_sure(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growths(rate: f64) -> Calls {
        calls("stack-growth").per_second(rate).lasting(2_000)
    }

    #[test]
    fn many_copies_are_found_and_weigh_their_time() {
        assert_eq!(
            found(examine(&idle().with(growths(20_000.0))))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(growths(1_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(growths(999.0)))));
    }

    #[test]
    fn warm_stacks_and_the_librarys_own_are_silent() {
        assert!(is_clear(&examine(&idle().with_probe("stack-growth"))));
        assert!(is_clear(&examine(
            &idle().with(growths(5_000.0).not_by_user())
        )));
    }
}
