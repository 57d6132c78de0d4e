//! `pool-miss`.
//!
//! # What it looks for
//! A `sync.Pool` that has to make a new object a thousand times a second.
//! # Why it matters
//! A pool that misses is an allocator with a detour.
//! # Evidence
//! Calls of a pool's `New` per line that gets from it.
//! # What to try
//! Put back what was got, on every path.
//! # References
//! internals-5; src/sync/pool.go.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// A miss: the other Ps' pools and the victims are looked through, then an object is made.
const MISS_NS: f64 = 150.0;

pub static RULE: Rule = Rule {
    name: "pool-miss",
    exercises: &["internals-5"],
    probes: &["pool-miss", "gc-cycle"],
    examine,
    advice: Advice {
        refuted_by: "a burst after a long quiet time: pools are empty after two collections.",
        cure: "Put every object back on every path, by defer; keep the pool for objects that are used for a moment; where it is emptied by collections, allocate less elsewhere or raise GOGC.",
        do_not_bother_when: "Misses are a small part of what the pool gives.",
    },
    explanation: Explanation {
        title: "A pool that misses",
        in_the_runtime: "Pool.Get looks at the P's own slot, its list, the lists of all other Ps, and the objects left over from before the last collection; then it calls New. Every collection moves what is there to the left-overs and drops those of before. Objects that are never put back, or kept for longer than a collection, make every Get a miss.",
        how_it_is_seen: "The call of New inside Pool.Get is counted per line that gets. Found from 1 000 a second.",
        example: "// before: the early return keeps the buffer\nb := pool.Get().(*bytes.Buffer)\nif err := encode(b, v); err != nil {\n\treturn err\n}\npool.Put(b)\n\n// after\nb := pool.Get().(*bytes.Buffer)\ndefer func() { b.Reset(); pool.Put(b) }()\nreturn encode(b, v)",
        versions: "Left-overs survive one collection since Go 1.13.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "pool-miss",
        RATE_PER_S,
        Calls::directly_by_user_or_pool,
        fault,
        "no pool misses a thousand times a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * MISS_NS);
    let cycles = total(&observed.sites("gc-cycle", |_| true), AtSite::rate_per_s);
    let fault = Fault::at(site, "a sync.Pool has to make new objects all the time")
        .evidence("misses", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share)
        .less_sure(0.9);
    if observed.has("gc-cycle") {
        return fault.evidence("collections that empty it", cycles, "1/s");
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn misses(rate: f64) -> Calls {
        calls("pool-miss").per_second(rate)
    }

    #[test]
    fn a_pool_that_misses_is_found() {
        let through = misses(100_000.0).through_library(&["sync.(*Pool).Get"]);
        assert_eq!(
            found(examine(&idle().with(through)))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(misses(1_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(misses(999.0)))));
    }

    #[test]
    fn the_librarys_own_pools_are_silent() {
        let library = misses(9_000.0).through_library(&["fmt.newPrinter", "fmt.Sprintf"]);
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
