//! How the totals grew: a bounded series per probe, for the report's time line.

use std::collections::BTreeMap;

use super::{Snapshot, Totals};

/// Spans that a series holds; when it is full, each two neighbours become one.
const MAX_SPANS: usize = 600;
/// Probes that a series is kept for; a recording may name any number.
const MAX_PROBES: usize = 64;

/// What was added between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    pub hits: u64,
    pub bytes: u64,
    pub sum_ns: u64,
}

impl Growth {
    fn between(before: &Totals, after: &Totals) -> Self {
        Self {
            hits: after.hits.saturating_sub(before.hits),
            bytes: after.bytes.saturating_sub(before.bytes),
            sum_ns: after.sum_ns.saturating_sub(before.sum_ns),
        }
    }

    fn sum(all: &[Self]) -> Self {
        let mut sum = Self::default();
        for growth in all {
            sum.add(growth);
        }
        sum
    }

    fn add(&mut self, more: &Self) {
        self.hits = self.hits.saturating_add(more.hits);
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.sum_ns = self.sum_ns.saturating_add(more.sum_ns);
    }
}

/// Spans of the window, one after the other without a gap, and the growth in each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Where each span ends, in nanoseconds since the window's start; ascending.
    pub ends_ns: Vec<u64>,
    /// By probe; as long as `ends_ns`.
    pub series: BTreeMap<String, Vec<Growth>>,
}

impl Timeline {
    /// Adds the span up to `end_ns`; `rows` gives the totals that each row had before `snapshot`, and its
    /// probe. A span that does not end after the last one becomes part of it.
    pub(super) fn add<'a>(
        &mut self,
        end_ns: u64,
        snapshot: &Snapshot,
        row: impl Fn(u32) -> Option<(&'a str, Totals)>,
    ) {
        match self.ends_ns.last() {
            Some(last) if end_ns <= *last => {}
            _ => self.begin_span(end_ns),
        }
        for (number, after) in &snapshot.totals {
            if let Some((probe, before)) = row(*number) {
                self.grow(probe, &Growth::between(&before, after));
            }
        }
    }

    fn begin_span(&mut self, end_ns: u64) {
        if self.ends_ns.len() == MAX_SPANS {
            self.halve();
        }
        self.ends_ns.push(end_ns);
        for series in self.series.values_mut() {
            series.push(Growth::default());
        }
    }

    fn grow(&mut self, probe: &str, growth: &Growth) {
        let n_spans = self.ends_ns.len();
        if !self.series.contains_key(probe) {
            if self.series.len() == MAX_PROBES {
                return;
            }
            self.series
                .insert(probe.to_owned(), vec![Growth::default(); n_spans]);
        }
        if let Some(last) = self
            .series
            .get_mut(probe)
            .and_then(|series| series.last_mut())
        {
            last.add(growth);
        }
    }

    fn halve(&mut self) {
        let second = |pair: &[u64]| pair.last().copied();
        self.ends_ns = self.ends_ns.chunks(2).filter_map(second).collect();
        for series in self.series.values_mut() {
            *series = series.chunks(2).map(Growth::sum).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aggregate::{Path, Profile};

    fn snapshot(rows: &[(u32, u64)]) -> Snapshot {
        let totals = |&(row, hits): &(u32, u64)| {
            (
                row,
                Totals {
                    hits,
                    completed: hits,
                    sum_ns: 10 * hits,
                    bytes: 3 * hits,
                    ..Totals::default()
                },
            )
        };
        let path = |&(row, _): &(u32, u64)| {
            let probe = if row % 2 == 0 { "alloc" } else { "chan-send" };
            (
                row,
                Path {
                    probe: probe.to_owned(),
                    reason: 0,
                    detail: 0,
                    what: None,
                    calls_others: None,
                    role: 0,
                    element_read: None,
                    frames: vec![1],
                },
            )
        };
        Snapshot {
            totals: rows.iter().map(totals).collect(),
            paths: rows.iter().map(path).collect(),
            ..Snapshot::default()
        }
    }

    #[test]
    fn spans_hold_what_was_added_in_them() {
        let mut profile = Profile::default();
        profile.merge_at(1_000, snapshot(&[(0, 5), (1, 1)]));
        profile.merge_at(2_000, snapshot(&[(1, 4)]));
        profile.merge_at(3_000, snapshot(&[(0, 6), (1, 4), (3, 7)]));
        let timeline = &profile.timeline;
        let hits = |probe: &str| {
            timeline.series[probe]
                .iter()
                .map(|growth| growth.hits)
                .collect::<Vec<_>>()
        };
        assert_eq!(timeline.ends_ns, [1_000, 2_000, 3_000]);
        assert_eq!(hits("alloc"), [5, 0, 1]);
        assert_eq!(hits("chan-send"), [1, 3, 7]);
    }

    #[test]
    fn a_moment_that_is_not_later_adds_to_the_last_span() {
        let mut profile = Profile::default();
        profile.merge_at(1_000, snapshot(&[(0, 5)]));
        profile.merge_at(1_000, snapshot(&[(0, 9)]));
        assert_eq!(profile.timeline.ends_ns, [1_000]);
        assert_eq!(profile.timeline.series["alloc"][0].hits, 9);
    }

    #[test]
    fn a_row_without_a_path_is_of_no_probe() {
        let mut profile = Profile::default();
        profile.merge_at(
            1_000,
            Snapshot {
                paths: BTreeMap::new(),
                ..snapshot(&[(0, 5)])
            },
        );
        assert!(profile.timeline.series.is_empty());
    }

    proptest! {
        #[test]
        fn a_long_series_stays_bounded_and_loses_nothing(
            steps in prop::collection::vec((0..4_u32, 1..1_000_u64), 1..1_600),
        ) {
            let mut profile = Profile::default();
            let mut hits = [0; 4];
            for (index, (row, more)) in steps.iter().enumerate() {
                hits[*row as usize] += more;
                profile.merge_at(index as u64 + 1, snapshot(&[(*row, hits[*row as usize])]));
            }
            let timeline = &profile.timeline;
            prop_assert!(timeline.ends_ns.len() <= MAX_SPANS && timeline.ends_ns.is_sorted());
            prop_assert_eq!(timeline.ends_ns.last(), Some(&(steps.len() as u64)));
            for (probe, series) in &timeline.series {
                prop_assert_eq!(series.len(), timeline.ends_ns.len());
                let expected = if probe == "alloc" { hits[0] + hits[2] } else { hits[1] + hits[3] };
                let sum = Growth::sum(series);
                prop_assert_eq!((sum.hits, sum.sum_ns, sum.bytes), (expected, 10 * expected, 3 * expected));
            }
        }
    }
}
