//! `string-bytes-copy`.
//!
//! # What it looks for
//! A line that copies megabytes a second between strings and byte slices.
//! # Why it matters
//! A string can't change and a slice can: each conversion allocates and copies (src/runtime/string.go).
//! # Evidence
//! Allocations below `slicebytetostring` and `stringtoslicebyte` per line, with their bytes.
//! # What to try
//! One of the two from end to end.
//! # References
//! performance, allocation sources.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const BYTES_PER_S: f64 = 10e6;
/// What a line converts at a time, at most, for silence to be judged by.
const USUAL_BYTES: f64 = 4_096.0;

pub static RULE: Rule = Rule {
    name: "string-bytes-copy",
    exercises: &["performance"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "a conversion that the data's lifetime needs: the slice is reused while the string is kept.",
        cure: "Keep the data in one form: functions that take []byte (bytes, strconv.Append, io.Writer), or strings throughout with io.WriteString.",
        do_not_bother_when: "The strings are kept, as keys of a map or in a cache.",
    },
    explanation: Explanation {
        title: "Copies between strings and byte slices",
        in_the_runtime: "string(b) and []byte(s) allocate and copy, because a string must never change. The compiler leaves the copy out where it can see that nobody keeps it: for a comparison, a map lookup, a range. Results up to 32 bytes that don't escape use the stack.",
        how_it_is_seen: "Allocations by the two conversions are counted per line, with their bytes. Found from 10 MB/s.",
        example: "// before\nw.Write([]byte(strings.ToUpper(string(line))))\n\n// after\nw.Write(bytes.ToUpper(line))",
        versions: "From Go 1.22 on more conversions of constants and of slices that never change need no copy.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let copies = is_for(Purpose::StringCopy);
    let sites = observed.sites("alloc", |calls| copies(calls) && calls.directly_by_user());
    observed.beyond(&sites, Threshold::bytes(BYTES_PER_S), fault, || {
        let rate = BYTES_PER_S / USUAL_BYTES;
        observed.silent_of_bytes(
            BYTES_PER_S,
            rate,
            "no line copies 10 MB/s between strings and byte slices",
        )
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    // Each byte is copied besides being allocated.
    let share = observed.allocation_share(site, site.rate_per_s(), 1.5 * site.bytes_per_s());
    Fault::at(site, "strings and byte slices are copied into each other")
        .evidence("copies", site.rate_per_s(), "1/s")
        .evidence("copied", site.bytes_per_s(), "bytes/s")
        .evidence("CPU for it", share, "share")
        .costs(share)
        .less_sure(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(rate: f64, bytes: u64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(bytes)
            .through_runtime(&["runtime.slicebytetostring"])
    }

    #[test]
    fn megabytes_of_copies_are_found() {
        let faults = found(examine(&idle().with(copied(100_000.0, 1_024))));
        assert_eq!(faults[0].severity(), Severity::Warning, "100 MB/s");
    }

    #[test]
    fn ten_megabytes_are_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(copied(10_000.0, 1_000)))).len(),
            1
        );
        assert!(is_clear(&examine(&idle().with(copied(10_000.0, 999)))));
    }

    #[test]
    fn other_allocations_and_the_librarys_copies_are_silent() {
        let made = calls("alloc")
            .per_second(90_000.0)
            .of_bytes(1_024)
            .through_runtime(&["runtime.makeslice"]);
        let library = copied(90_000.0, 1_024).through_library(&["bufio.(*Scanner).Text"]);
        assert!(is_clear(&examine(&idle().with(made))));
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
