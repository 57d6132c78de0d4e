//! `slice-growth`.
//!
//! # What it looks for
//! A line whose `append` outgrows its slice, megabytes a second.
//! # Why it matters
//! Each growth allocates anew and copies everything so far (src/runtime/slice.go `growslice`).
//! # Evidence
//! Allocations below `growslice` per line, with their bytes.
//! # What to try
//! A capacity.
//! # References
//! performance, allocation sources.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const BYTES_PER_S: f64 = 10e6;
const USUAL_BYTES: f64 = 32_768.0;
/// What grows by `append` inside the library, and takes a capacity from the user.
const GROWING: [&str; 2] = ["strings.(*Builder).", "bytes.(*Buffer)."];

pub static RULE: Rule = Rule {
    name: "slice-growth",
    exercises: &["performance"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "a slice that is grown once and kept: its growth ends.",
        cure: "Make the slice with the capacity it will need, make([]T, 0, n), or reuse one with s[:0]; a strings.Builder or bytes.Buffer has Grow.",
        do_not_bother_when: "The final size can't be known even roughly, and the line is not hot.",
    },
    explanation: Explanation {
        title: "Slices that grow by append",
        in_the_runtime: "append to a full slice allocates one with up to twice the capacity, a quarter more for large ones, and copies. To reach n elements from nothing it allocates about three times their bytes in all.",
        how_it_is_seen: "Allocations by growslice are counted per line, with their bytes. A line that only ever appends to a slice without a capacity, as append([]T(nil), s...) and slices.Clone do, copies and does not grow: its call says so. Found from 10 MB/s.",
        example: "// before\nvar out []Row\nfor _, r := range in {\n\tout = append(out, convert(r))\n}\n\n// after\nout := make([]Row, 0, len(in))\nfor _, r := range in {\n\tout = append(out, convert(r))\n}",
        versions: "From Go 1.25 on the first growth of a small slice may use the stack.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let grows = is_for(Purpose::SliceGrowth);
    let by_line = |calls: &Calls| {
        let in_builder = |callee: &str| GROWING.iter().any(|prefix| callee.starts_with(prefix));
        calls.directly_by_user() || (calls.by_user && calls.callee().is_some_and(in_builder))
    };
    let sites = observed.sites("alloc", |calls| grows(calls) && by_line(calls));
    observed.beyond(&sites, Threshold::bytes(BYTES_PER_S), fault, || {
        let rate = BYTES_PER_S / USUAL_BYTES;
        observed.silent_of_bytes(BYTES_PER_S, rate, "no line grows slices by 10 MB/s")
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.allocation_share(site, site.rate_per_s(), 1.5 * site.bytes_per_s());
    Fault::at(site, "slices grow by append again and again")
        .evidence("growths", site.rate_per_s(), "1/s")
        .evidence("allocated", site.bytes_per_s(), "bytes/s")
        .evidence("CPU for it", share, "share")
        .costs(share)
        .less_sure(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(rate: f64, bytes: u64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(bytes)
            .through_runtime(&["runtime.growslice"])
    }

    #[test]
    fn megabytes_of_growth_are_found_in_builders_too() {
        assert_eq!(
            found(examine(&idle().with(grown(100_000.0, 2_048)))).len(),
            1
        );
        let builder = grown(100_000.0, 2_048).through_library(&["strings.(*Builder).WriteString"]);
        assert_eq!(found(examine(&idle().with(builder))).len(), 1);
    }

    #[test]
    fn ten_megabytes_are_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(grown(10_000.0, 1_000)))).len(),
            1
        );
        assert!(is_clear(&examine(&idle().with(grown(10_000.0, 999)))));
    }

    #[test]
    fn slices_with_a_capacity_and_the_librarys_are_silent() {
        let made = calls("alloc")
            .per_second(90_000.0)
            .of_bytes(2_048)
            .through_runtime(&["runtime.makeslice"]);
        let copied = Calls {
            grows_from_nothing: true,
            ..grown(90_000.0, 2_048)
        };
        let library = grown(90_000.0, 2_048).through_library(&["encoding/json.Marshal"]);
        assert!(is_clear(&examine(&idle().with(made))));
        assert!(is_clear(&examine(&idle().with(copied))));
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
