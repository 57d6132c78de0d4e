//! `interface-boxing`.
//!
//! # What it looks for
//! A line that turns values into interfaces, and allocates for it.
//! # Why it matters
//! Each value is copied to the heap (src/runtime/iface.go `convT…`); formatting then finds out its type again.
//! # Evidence
//! Allocations below `runtime.convT…` per line, and whether fmt allocates at the same line.
//! # What to try
//! `strconv.Append…`, typed attributes, type parameters.
//! # References
//! dive-8, source-11.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;
/// Formatting one value by fmt, beyond the allocations.
const FORMAT_NS: f64 = 100.0;

pub static RULE: Rule = Rule {
    name: "interface-boxing",
    exercises: &["dive-8", "source-11"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "a CPU profile without runtime.convT and fmt near the top.",
        cure: "Keep the value's type: a typed field or method (slog.Int, zap.Int), a type parameter, or strconv.Append into a buffer that is reused.",
        do_not_bother_when: "The line is an error path or writes a few log lines a second.",
    },
    explanation: Explanation {
        title: "Values that are boxed into interfaces",
        in_the_runtime: "An interface holds a pointer. A number, string or struct that becomes one is copied to the heap by a function of the convT family, unless it is a constant, a number below 256 or a pointer already. A variadic ...any does it for each argument.",
        how_it_is_seen: "Allocations that come from convT functions are counted per line; where fmt allocates at the same line it is dive-8, else source-11. Found from 10 000 a second.",
        example: "// before: two allocations and reflection\nkey := fmt.Sprintf(\"user:%d\", id)\n\n// after: one\nvar buf [32]byte\nkey := string(strconv.AppendInt(append(buf[:0], \"user:\"...), id, 10))",
        versions: "Numbers below 256 are not allocated in all of Go 1.21 to 1.27.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let boxing = is_for(Purpose::Boxing);
    let sites = observed.sites("alloc", |calls| boxing(calls) && calls.directly_by_user());
    let formatting = observed.sites("alloc", |calls| {
        calls.by_user
            && calls
                .callee()
                .is_some_and(|callee| callee.starts_with("fmt."))
    });
    let fault = |observed: &Observed, site: &AtSite<'_>| {
        let formats = formatting.iter().any(|fmt| fmt.site == site.site);
        fault(observed, site, formats)
    };
    observed.beyond(&sites, Threshold::rate(RATE_PER_S), fault, || {
        observed.silent("alloc", RATE_PER_S, "no line boxes values in great numbers")
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>, formats: bool) -> Fault {
    let more = if formats {
        site.rate_per_s() * FORMAT_NS
    } else {
        0.0
    };
    let boxing = observed.allocation_share(site, site.rate_per_s(), site.bytes_per_s());
    let share = (boxing + observed.cpu_share(more)).min(1.0);
    let (title, key): (_, &[&'static str]) = if formats {
        (
            "values are boxed to be formatted by fmt",
            &["dive-8", "source-11"],
        )
    } else {
        ("values are boxed into interfaces", &["source-11"])
    };
    Fault::at(site, title)
        .exercises(key)
        .evidence("values boxed", site.rate_per_s(), "1/s")
        .evidence("allocated", site.bytes_per_s(), "bytes/s")
        .evidence("CPU for it", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(rate: f64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(8)
            .through_runtime(&["runtime.convT64"])
    }

    #[test]
    fn boxing_is_found_and_formatting_told_apart() {
        let plain = found(examine(&idle().with(boxed(200_000.0))));
        assert_eq!(plain[0].exercises, ["source-11"]);
        let text = calls("alloc")
            .per_second(200_000.0)
            .of_bytes(16)
            .through_runtime(&["runtime.slicebytetostring"])
            .through_library(&["fmt.Sprintf"]);
        let formatted = found(examine(&idle().with(boxed(200_000.0)).with(text)));
        assert_eq!(formatted[0].exercises, ["dive-8", "source-11"]);
        assert!(formatted[0].cost_share > plain[0].cost_share);
    }

    #[test]
    fn ten_thousand_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(boxed(10_000.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(boxed(9_999.0)))));
    }

    #[test]
    fn append_and_the_librarys_own_boxing_are_silent() {
        let appended = calls("alloc")
            .per_second(50_000.0)
            .through_runtime(&["runtime.slicebytetostring"]);
        let library = boxed(50_000.0).through_library(&["log.Printf"]);
        assert!(is_clear(&examine(&idle().with(appended))));
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
