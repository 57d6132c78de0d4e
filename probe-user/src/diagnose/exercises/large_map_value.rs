//! `large-map-value`.
//!
//! # What it looks for
//! A line that reads a map whose elements are large structs, ten thousand times a second.
//! # Why it matters
//! Each read copies the element out of the map.
//! # Evidence
//! Reads by the generic `mapaccess`, which maps with elements above 128 bytes always use, with the size; and by the
//! instructions behind the call, how much of the element is taken.
//! # What to try
//! A map of pointers.
//! # References
//! dive-17; src/runtime/map*.go `mapaccess1`, `mapaccess2`.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;
const ELEMENT_BYTES: u64 = 128;
/// Copying a byte out of a map whose elements do not share cache lines.
const BYTE_NS: f64 = 0.15;
/// One read, beyond the copy that pointers would need too.
const READ_NS: f64 = 10.0;

pub static RULE: Rule = Rule {
    name: "large-map-value",
    exercises: &["dive-17"],
    probes: &["map-read"],
    examine,
    advice: Advice {
        refuted_by: "bytes copied that are far below reads times element: the line takes a field, and the compiler copies no more than that.",
        cure: "Make it a map of pointers, map[K]*V, and copy where a caller must not see changes; or keep the structs in a slice and map to the index.",
        do_not_bother_when: "The copies are what callers need, or the line is not hot.",
    },
    explanation: Explanation {
        title: "Large structs copied out of a map",
        in_the_runtime: "A read of a map finds the slot and returns its address; the program then copies the whole element to its variable. Elements lie beside each other, so that a probe for a key touches cache lines that hold no key.",
        how_it_is_seen: "Maps with elements above 128 bytes are read through the generic functions, whose first argument is the map's type: reads are counted per line with the element's size. The instructions behind the call tell whether all of the element is taken, a field, or nothing (_, ok := m[k]). Found from 10 000 a second.",
        example: "// before\nvar book map[uint64]Position // 256 bytes each\np := book[id]\n\n// after\nvar book map[uint64]*Position\np := book[id]",
        versions: "Up to Go 1.23 buckets of eight, from 1.24 Swiss tables with groups of eight: elements above 128 bytes are kept outside by pointer in both, and copied all the same. Up to Go 1.25 the compiler copies the element even for _, ok := m[k]; from 1.26 it does not.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "map-read",
        RATE_PER_S,
        |calls| {
            let takes_some = calls.element_read != Some(0);
            calls.directly_by_user() && calls.detail > ELEMENT_BYTES && takes_some
        },
        fault,
        "no line reads maps of large structs in great numbers",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let each = |bytes: fn(&Calls) -> u64| {
        let of_calls = |calls: &&Calls| bytes(calls) as f64 * calls.count;
        site.calls.iter().map(of_calls).sum::<f64>() / site.count.max(1.0)
    };
    let element = each(|calls| calls.detail);
    let copied = each(|calls| calls.element_read.unwrap_or(calls.detail).min(calls.detail));
    let share = observed.cpu_share(site.rate_per_s() * (READ_NS + BYTE_NS * copied));
    Fault::at(site, "large structs are copied out of a map")
        .evidence("reads", site.rate_per_s(), "1/s")
        .evidence("element", element, "bytes")
        .evidence("copied", copied * site.rate_per_s(), "bytes/s")
        .costs(share)
        // Where it takes a field only, what is around it in the cache lines costs as much.
        .less_sure(0.8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(rate: f64, bytes: u64) -> Calls {
        calls("map-read").per_second(rate).detail(bytes)
    }

    #[test]
    fn reads_of_large_elements_are_found() {
        assert_eq!(
            found(examine(&idle().with(reads(1_000_000.0, 256))))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn the_thresholds_are_ten_thousand_and_128_bytes() {
        assert_eq!(found(examine(&idle().with(reads(10_000.0, 136)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(reads(9_999.0, 136)))));
        assert!(is_clear(&examine(&idle().with(reads(10_000.0, 128)))));
    }

    #[test]
    fn a_question_whether_a_key_is_there_copies_nothing() {
        let asks = Calls {
            element_read: Some(0),
            ..reads(90_000.0, 256)
        };
        assert!(is_clear(&examine(&idle().with(asks))));
        let field = Calls {
            element_read: Some(8),
            ..reads(90_000.0, 256)
        };
        let found = found(examine(&idle().with(field)));
        assert!((found[0].evidence[2].value - 8.0 * 90_000.0).abs() < 1.0);
    }

    #[test]
    fn maps_of_pointers_never_get_there() {
        assert!(is_clear(&examine(&idle().with_probe("map-read"))));
        let library = reads(90_000.0, 256).through_library(&["net/http.Header.Get"]);
        assert!(is_clear(&examine(&idle().with(library))));
    }
}
