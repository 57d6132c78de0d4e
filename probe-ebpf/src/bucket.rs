//! Log-linear histogram buckets: nanoseconds in, bucket index out.
//!
//! Values below [`SUB_BUCKETS`] have a bucket each. From there on every power of two is cut into
//! [`SUB_BUCKETS`] equal parts, so that a bucket is at most 1/64 = 1.5625 % of its lower bound wide.
//! The same arithmetic runs in the kernel (one shift, one subtraction, no table) and in user space.

/// Number of parts each power of two is cut into.
pub const SUB_BUCKETS: u64 = 1 << SUB_BITS;
const SUB_BITS: u32 = 6;

/// Largest value with a bucket of its own: 2^43 − 1 ns, 2 h 26 min. Larger ones are clamped to it.
pub const MAX_VALUE_NS: u64 = (1 << 43) - 1;

/// Number of buckets: 64 exact ones and 64 for each of the powers 6 to 42.
pub const N_BUCKETS: u32 = ((43 - SUB_BITS + 1) as u64 * SUB_BUCKETS) as u32;

/// Returns the bucket that holds `value_ns`.
#[inline]
pub const fn bucket_of(value_ns: u64) -> u32 {
    let value = if value_ns > MAX_VALUE_NS {
        MAX_VALUE_NS
    } else {
        value_ns
    };
    if value < SUB_BUCKETS {
        return value as u32;
    }
    let power = value.ilog2();
    let shift = power - SUB_BITS;
    // The top bit of `value >> shift` is always set: adding it counts the power itself.
    (shift << SUB_BITS) + (value >> shift) as u32
}

/// Returns the smallest and the largest value of `bucket`, both in nanoseconds.
pub const fn bounds_of(bucket: u32) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < 2 * SUB_BUCKETS {
        return (bucket, bucket);
    }
    let shift = bucket / SUB_BUCKETS - 1;
    let low = (bucket - shift * SUB_BUCKETS) << shift;
    (low, low + (1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_contains_the_values_that_map_to_it(value in 0..=MAX_VALUE_NS) {
            let (low, high) = bounds_of(bucket_of(value));
            prop_assert!(low <= value && value <= high);
        }

        #[test]
        fn a_bucket_is_no_wider_than_its_share(value in 1..=MAX_VALUE_NS) {
            let (low, high) = bounds_of(bucket_of(value));
            prop_assert!((high + 1 - low) as f64 <= (low as f64 / 64.0).max(1.0));
        }
    }

    #[test]
    fn buckets_follow_each_other_without_gap() {
        let mut next = 0;
        for bucket in 0..N_BUCKETS {
            let (low, high) = bounds_of(bucket);
            assert_eq!(low, next);
            next = high + 1;
        }
        assert_eq!(next, MAX_VALUE_NS + 1);
    }

    #[test]
    fn values_beyond_the_range_are_clamped() {
        assert_eq!(bucket_of(u64::MAX), N_BUCKETS - 1);
        const { assert!(MAX_VALUE_NS > 3_600_000_000_000) }
    }
}
