//! `map-growth`.
//!
//! # What it looks for
//! A line whose maps outgrow their tables, a hundred times a second.
//! # Why it matters
//! Each growth allocates a table of twice the size and moves every entry.
//! # Evidence
//! Tables allocated below `hashGrow` (up to Go 1.23) or the rehash of a Swiss table (from 1.24) per line.
//! # What to try
//! A size.
//! # References
//! performance, allocation sources; src/internal/runtime/maps/table.go.

use super::prelude::*;
use crate::diagnose::allocation::{Purpose, is_for};

/// From the catalogue.
const RATE_PER_S: f64 = 100.0;
/// What allocates the table itself, once per growth.
const TABLES: [&str; 3] = [
    "runtime.makeBucketArray",
    "internal/runtime/maps.newGroups",
    "internal/runtime/maps.(*table).reset",
];

pub static RULE: Rule = Rule {
    name: "map-growth",
    exercises: &["performance"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "one map that is filled once and kept: its growth ends.",
        cure: "Make the map with the number of entries it will hold, make(map[K]V, n), or clear and reuse one.",
        do_not_bother_when: "The maps hold a few dozen entries and the line is not hot.",
    },
    explanation: Explanation {
        title: "Maps that grow while they are filled",
        in_the_runtime: "A map that is full gets a table of twice the size, and every entry is hashed again and moved: at once from Go 1.24 on, bit by bit with each write before. To fill a map of n entries from nothing, about n entries are moved and twice the memory is allocated.",
        how_it_is_seen: "Tables that growth allocates are counted per line that writes to the map. Found from 100 growths a second.",
        example: "// before\nbyID := map[int]User{}\nfor _, u := range users {\n\tbyID[u.ID] = u\n}\n\n// after\nbyID := make(map[int]User, len(users))\nfor _, u := range users {\n\tbyID[u.ID] = u\n}",
        versions: "Up to Go 1.23 buckets of eight with overflow; from 1.24 Swiss tables, which grow up to 1 024 slots and then split.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let grows = is_for(Purpose::MapGrowth);
    let is_table = |calls: &Calls| TABLES.iter().any(|table| calls.passes(table));
    observed.frequent(
        "alloc",
        RATE_PER_S,
        |calls| grows(calls) && is_table(calls) && calls.directly_by_user(),
        fault,
        "no line grows maps a hundred times a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    // Moving an entry costs about as much again as the memory it moves to.
    let share =
        observed.cpu_share(2.0 * allocation_ns(site.rate_per_s(), 2.0 * site.bytes_per_s()));
    Fault::at(site, "maps grow while they are filled")
        .evidence("growths", site.rate_per_s(), "1/s")
        .evidence("allocated", site.bytes_per_s(), "bytes/s")
        .evidence("CPU for it", share, "share")
        .costs(share)
        .less_sure(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: [&str; 4] = [
        "runtime.newarray",
        "runtime.makeBucketArray",
        "runtime.hashGrow",
        "runtime.mapassign_fast64",
    ];
    const SWISS: [&str; 5] = [
        "runtime.newarray",
        "internal/runtime/maps.newGroups",
        "internal/runtime/maps.(*table).reset",
        "internal/runtime/maps.(*table).rehash",
        "runtime.mapassign_fast64",
    ];

    fn grown(rate: f64, chain: &[&str]) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(4_096)
            .through_runtime(chain)
    }

    #[test]
    fn growth_is_found_in_both_kinds_of_maps() {
        for chain in [&OLD[..], &SWISS[..]] {
            assert_eq!(
                found(examine(&idle().with(grown(5_000.0, chain)))).len(),
                1,
                "{chain:?}"
            );
        }
    }

    #[test]
    fn a_hundred_a_second_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(grown(100.0, &OLD)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(grown(99.0, &OLD)))));
    }

    #[test]
    fn maps_with_a_size_are_silent() {
        let made = [
            "runtime.newarray",
            "runtime.makeBucketArray",
            "runtime.makemap",
        ];
        assert!(is_clear(&examine(&idle().with(grown(5_000.0, &made)))));
    }
}
