//! The kernel's histogram of one row, and its way into `HdrHistogram`.

use std::{collections::BTreeMap, sync::Arc};

use hdrhistogram::Histogram;
use probe_ebpf::bucket::{MAX_VALUE_NS, bounds_of};

/// Counts by bucket of `probe_ebpf::bucket`; only buckets in use. Copies are one, until one of them changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets(Arc<BTreeMap<u32, u64>>);

impl Buckets {
    /// Sets the count of a bucket.
    pub fn set(&mut self, bucket: u32, count: u64) {
        Arc::make_mut(&mut self.0).insert(bucket, count);
    }

    /// Returns the count of a bucket.
    pub fn get(&self, bucket: u32) -> u64 {
        self.0.get(&bucket).copied().unwrap_or(0)
    }

    /// Returns whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all counts of `other`.
    pub fn add(&mut self, other: &Self) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let sums = Arc::make_mut(&mut self.0);
        for (bucket, count) in &*other.0 {
            let sum = sums.entry(*bucket).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Returns how many values lie in buckets that begin at `ns` or later, and their sum, each taken for the middle of
    /// its bucket.
    pub fn from(&self, ns: u64) -> (u64, f64) {
        let (mut n, mut sum) = (0_u64, 0.0);
        for (bucket, count) in &*self.0 {
            let (low, high) = bounds_of(*bucket);
            if low >= ns {
                n = n.saturating_add(*count);
                sum += (low + (high - low) / 2) as f64 * *count as f64;
            }
        }
        (n, sum)
    }

    /// Returns the histogram in nanoseconds; every value is the middle of its bucket, drawn into
    /// `min_ns..=max_ns`, which are exact.
    pub fn to_histogram(&self, min_ns: u64, max_ns: u64) -> Histogram<u64> {
        // Three significant digits: finer than the buckets are.
        let mut histogram = Histogram::new_with_bounds(1, MAX_VALUE_NS, 3)
            .expect("1 ns to two hours at three digits are valid bounds");
        for (bucket, count) in &*self.0 {
            let (low, high) = bounds_of(*bucket);
            let middle = low + (high - low) / 2;
            let value = middle.max(min_ns).min(max_ns.max(min_ns));
            histogram.saturating_record_n(value, *count);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use probe_ebpf::bucket::bucket_of;
    use proptest::prelude::*;

    use super::*;

    fn buckets(values: &[u64]) -> Buckets {
        let mut buckets = Buckets::default();
        for &value in values {
            let bucket = bucket_of(value);
            buckets.set(bucket, buckets.get(bucket) + 1);
        }
        buckets
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_bucket_of_exact(
            mut values in prop::collection::vec(1_u64..10_000_000_000, 1..200),
            quantile in 0.01_f64..1.0,
        ) {
            values.sort_unstable();
            let min = values[0];
            let max = *values.last().expect("not empty");
            let histogram = buckets(&values).to_histogram(min, max);
            let rank = ((quantile * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1] as f64;
            let told = histogram.value_at_quantile(quantile) as f64;
            prop_assert!((told - exact).abs() <= exact / 64.0 + exact / 1000.0 + 1.0, "{told} {exact}");
        }

        #[test]
        fn adding_is_commutative_and_keeps_every_count(
            a in prop::collection::vec(0_u64..1_000_000, 0..50),
            b in prop::collection::vec(0_u64..1_000_000, 0..50),
        ) {
            let mut ab = buckets(&a);
            ab.add(&buckets(&b));
            let mut ba = buckets(&b);
            ba.add(&buckets(&a));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(ab.0.values().sum::<u64>() as usize, a.len() + b.len());
        }
    }
}
