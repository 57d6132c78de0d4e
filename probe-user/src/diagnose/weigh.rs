//! From measured cost to severity, and from the amount of evidence to confidence.

use super::calls::AtSite;
use crate::report::Severity;

/// Share of the CPU or wall time from which a finding is worth an engineer's day: with less, removing it
/// can't be told from the noise of two load tests.
pub const WARNING_SHARE: f64 = 0.01;
/// Share from which it is likely the first thing to do: a tenth of the machine.
pub const CRITICAL_SHARE: f64 = 0.10;

/// CPU time of one allocated object, with its part of sweeping: half of the 78 ns measured for objects of 48
/// bytes at Go 1.26 on a busy virtual machine.
pub const OBJECT_NS: f64 = 40.0;
/// CPU time of one allocated byte, zeroing and a part of collections that come sooner: half of the 0.39 ns
/// measured for buffers of 64 KiB in the same place.
pub const BYTE_NS: f64 = 0.2;

/// Fewer operations than these are not judged, whatever rate they make.
pub const MIN_HITS: u64 = 3;

/// Returns the severity of a cost, as a share of CPU or wall time.
pub fn severity(cost_share: f64) -> Severity {
    if cost_share >= CRITICAL_SHARE {
        Severity::Critical
    } else if cost_share >= WARNING_SHARE {
        Severity::Warning
    } else {
        Severity::Info
    }
}

/// Returns the CPU nanoseconds per second that allocating so much costs.
pub fn allocation_ns(objects_per_s: f64, bytes_per_s: f64) -> f64 {
    objects_per_s * OBJECT_NS + bytes_per_s * BYTE_NS
}

/// Returns how sure the evidence makes, from the best that this kind of evidence allows: few operations and
/// wide intervals lower it.
pub fn confidence(best: f64, site: &AtSite<'_>) -> f64 {
    let few = 1.0 - 1.0 / (2.0 + site.hits as f64 / 3.0);
    (best * few * (1.0 - site.uncertainty.min(1.0) / 2.0)).clamp(0.0, 1.0)
}

/// Returns whether a rate was reached: by the estimate, from enough hits to have one.
pub fn reaches(site: &AtSite<'_>, rate_per_s: f64) -> bool {
    site.hits >= MIN_HITS && site.rate_per_s() >= rate_per_s
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_share_and_nothing_else() {
        assert_eq!(severity(0.0), Severity::Info);
        assert_eq!(severity(0.0099), Severity::Info);
        assert_eq!(severity(WARNING_SHARE), Severity::Warning);
        assert_eq!(severity(CRITICAL_SHARE), Severity::Critical);
        assert_eq!(severity(f64::NAN), Severity::Info);
    }

    #[test]
    fn a_kilobyte_costs_more_than_an_object() {
        assert!(allocation_ns(1.0, 1024.0) > 4.0 * allocation_ns(1.0, 0.0));
    }
}
