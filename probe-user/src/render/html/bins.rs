//! Histograms for drawing: counts on a logarithmic axis, eight bins to each doubling (9 % wide).

use std::ops::Range;

use hdrhistogram::Histogram;

use crate::{histogram, report::Latency};

pub(super) const PER_OCTAVE: u16 = 8;
/// Bins of an axis at least: one decade, so that a few equal values do not look like a distribution.
const MIN_SPAN: u16 = 27;

/// Returns the bin that holds `ns`.
pub(super) fn of(ns: u64) -> u16 {
    (position(ns)).floor() as u16
}

fn position(ns: u64) -> f64 {
    (ns.max(1) as f64).log2() * f64::from(PER_OCTAVE)
}

/// Non-empty bins with their counts, ascending. Empty where there is no histogram, or a broken one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bins(pub(super) Vec<(u16, u64)>);

impl Bins {
    /// Returns the first and the last bin.
    pub(super) fn ends(&self) -> Option<(u16, u16)> {
        Some((self.0.first()?.0, self.0.last()?.0))
    }

    pub(super) fn of_latency(latency: &Latency) -> Self {
        histogram::decode(&latency.histogram)
            .map_or_else(|_| Self::default(), |h| Self::of_histogram(&h))
    }

    fn of_histogram(histogram: &Histogram<u64>) -> Self {
        let mut bins: Vec<(u16, u64)> = Vec::new();
        for bucket in histogram.iter_recorded() {
            let bin = of(histogram.median_equivalent(bucket.value_iterated_to()));
            match bins.last_mut() {
                Some((last, count)) if *last == bin => {
                    *count = count.saturating_add(bucket.count_at_value());
                }
                _ => bins.push((bin, bucket.count_at_value())),
            }
        }
        Self(bins)
    }
}

/// The part of the logarithmic scale that a chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis(Range<u16>);

impl Axis {
    /// Returns an axis on which all bins from each pair's first to its last have room; `None` without any.
    pub(super) fn around(ends: impl Iterator<Item = (u16, u16)>) -> Option<Self> {
        let (low, high) = ends.reduce(|(a, b), (low, high)| (a.min(low), b.max(high)))?;
        let missing = MIN_SPAN.saturating_sub(high + 1 - low);
        let low = low.saturating_sub(missing / 2);
        Some(Self(low..(high + 1).max(low + MIN_SPAN)))
    }

    pub(super) fn range(&self) -> Range<u16> {
        self.0.clone()
    }

    /// Returns where `ns` lies, 0 to 1.
    pub(super) fn share(&self, ns: u64) -> f64 {
        let span = f64::from(self.0.end - self.0.start);
        ((position(ns) - f64::from(self.0.start)) / span).clamp(0.0, 1.0)
    }

    /// Returns the powers of ten within, in nanoseconds.
    pub(super) fn decades(&self) -> impl Iterator<Item = u64> {
        (0..19)
            .map(|power| 10_u64.pow(power))
            .filter(|&ns| self.0.contains(&of(ns)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_operation_is_in_a_bin() {
        let mut histogram = Histogram::<u64>::new(2).unwrap();
        for (ns, count) in [(0, 1), (1, 2), (100, 3), (101, 4), (70_000_000, 5)] {
            histogram.record_n(ns, count).unwrap();
        }
        let bins = Bins::of_histogram(&histogram);
        assert_eq!(bins.0, [(0, 3), (53, 7), (of(70_000_000), 5)]);
    }

    #[test]
    fn a_single_value_stands_in_the_middle_of_a_decade() {
        let axis = Axis::around([(80, 80)].into_iter()).unwrap();
        assert_eq!(axis.range(), 67..94);
        assert_eq!(Axis::around(Bins::default().ends().into_iter()), None);
    }

    proptest! {
        #[test]
        fn axes_hold_what_they_were_made_for(values in prop::collection::vec(0..u64::MAX, 1..20)) {
            let bins = Bins(values.iter().map(|&ns| (of(ns), 1)).collect::<std::collections::BTreeMap<_, _>>().into_iter().collect());
            let axis = Axis::around(bins.ends().into_iter()).unwrap();
            prop_assert!(bins.0.iter().all(|(bin, _)| axis.range().contains(bin)));
            prop_assert!(values.iter().all(|&ns| (0.0..=1.0).contains(&axis.share(ns))));
        }
    }
}
