//! `closure-escape`.
//!
//! # What it looks for
//! A line that allocates a closure per call.
//! # Why it matters
//! The closure, and each variable that it captures by reference, is an object on the heap.
//! # Evidence
//! Allocations of a closure's type, `struct { F uintptr; … }`, per line.
//! # What to try
//! Arguments instead of captures, or a method value made once.
//! # References
//! dive-9; src/cmd/compile/internal/typecheck/closure.go.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;

pub static RULE: Rule = Rule {
    name: "closure-escape",
    exercises: &["dive-9"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "go build -gcflags=-m at this line: \"func literal does not escape\".",
        cure: "Pass what the function needs as arguments and make the function once, outside the hot path; or have the callee take an interface with a method instead of a func.",
        do_not_bother_when: "The line runs a few thousand times a second, or the closure is kept as a callback.",
    },
    explanation: Explanation {
        title: "A closure that is allocated per call",
        in_the_runtime: "A function literal that captures variables is a struct: the code's address and what it captured. Where it escapes, into a field, a channel, an interface or a goroutine, the struct is on the heap, and so is every captured variable that is assigned to later.",
        how_it_is_seen: "The allocator is told the type; a closure's begins with `F uintptr`. Allocations of such types are counted per line; those of go statements are left out, their cost is the goroutine's. Found from 10 000 a second.",
        example: "// before: start and the closure are on the heap\nstart := time.Now()\nqueue(func() { observe(\"handle\", time.Since(start)) })\n\n// after\nqueueObservation(\"handle\", time.Now())",
        versions: "defer func(){…}() allocates nothing at Go 1.21 to 1.27: what allocates is a closure that escapes.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let object = is_for(Purpose::Object);
    let is_closure =
        |calls: &Calls| object(calls) && calls.directly_by_user() && calls.is_closure();
    let mut sites = observed.sites("alloc", is_closure);
    let spawns = observed.sites("goroutine-create", |calls| calls.by_user);
    sites.retain(|site| spawns.iter().all(|spawn| spawn.site != site.site));
    observed.beyond(&sites, Threshold::rate(RATE_PER_S), fault, || {
        let nameless = |calls: &Calls| calls.detail != 0 && calls.what.is_none();
        let objects = observed.sites("alloc", |calls| object(calls) && nameless(calls));
        if objects.iter().any(|site| reaches(site, RATE_PER_S)) {
            return Judgement::not_enough(
                "objects are allocated often enough, but their types could not be read",
                "a build whose type descriptors rtprobe can read",
            );
        }
        observed.silent(
            "alloc",
            RATE_PER_S,
            "no line allocates closures in great numbers",
        )
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.allocation_share(site, site.rate_per_s(), site.bytes_per_s());
    Fault::at(site, "a closure is allocated for every call")
        .evidence("closures", site.rate_per_s(), "1/s")
        .evidence("each", site.bytes / site.count.max(1.0), "bytes")
        .evidence("CPU to allocate them", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closures(rate: f64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(24)
            .through_runtime(&["runtime.newobject"])
            .of_type("struct { F uintptr; start *time.Time }")
    }

    #[test]
    fn closures_are_told_by_their_type() {
        assert_eq!(found(examine(&idle().with(closures(100_000.0)))).len(), 1);
        let object = closures(100_000.0).of_type("main.Entry");
        assert!(is_clear(&examine(&idle().with(object))));
    }

    #[test]
    fn ten_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(closures(10_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(closures(9_999.0)))));
    }

    #[test]
    fn go_statements_are_left_to_their_own_rule() {
        let spawn = calls("goroutine-create").per_second(100_000.0);
        assert!(is_clear(&examine(
            &idle().with(closures(100_000.0)).with(spawn)
        )));
    }

    #[test]
    fn unknown_types_are_no_clean_bill() {
        let mut untyped = closures(100_000.0);
        untyped.what = None;
        assert!(is_undecided(&examine(&idle().with(untyped))));
    }
}
