//! From measured cost to severity, and from the amount of evidence to confidence.

use super::calls::AtSite;
use crate::{estimate::Z, report::Severity};

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
    (best * few * (1.0 - site.uncertainty().min(1.0) / 2.0)).clamp(0.0, 1.0)
}

/// Share of a threshold that the lower end of an estimate's interval has to pass: what is estimated below it, the
/// threshold may be above.
const NEARLY: f64 = 0.8;

/// Operations that a window may have just missed.
const PART_OF_ONE: f64 = 0.5;

/// Where four in five of log-normal estimates lie above, as a part of the way to the lower end of their interval, which
/// 97.5 % lie above: 0.84 of 1.96 standard deviations.
const LIKELY: f64 = 0.43;
/// Standard deviation of what one operation holds or takes, as a part of the mean: sizes of slices double, waits queue up.
const EACH_VARIES: f64 = 1.0;

/// Whether a site passes a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    Yes,
    /// With four chances in five.
    Likely,
    No,
    /// The threshold lies within the interval.
    Perhaps,
}

/// Returns whether a number of a site, which grows as its count does, passes a threshold: by the estimate, by the
/// lower end of its interval nearly, and from enough hits to have one.
pub fn passes(site: &AtSite<'_>, number: f64, threshold: f64) -> Passes {
    passes_within(site, number, 1.0, threshold)
}

/// `factor`: by which the number may be off beyond what the count is.
fn passes_within(site: &AtSite<'_>, number: f64, factor: f64, threshold: f64) -> Passes {
    let count = site.count.max(f64::MIN_POSITIVE);
    // What comes at a steady beat comes once more or less in a window, by where it begins.
    let number = number * (count + PART_OF_ONE) / count;
    let low = number * site.low / count / factor;
    let high = number * site.high / count * factor;
    if site.hits < MIN_HITS || high < threshold {
        Passes::No
    } else if number >= threshold && low >= threshold * NEARLY {
        Passes::Yes
    } else if number * (low / number).powf(LIKELY) >= threshold {
        Passes::Likely
    } else if number >= threshold || high > threshold {
        Passes::Perhaps
    } else {
        Passes::No
    }
}

/// A number of a site, and from where on it is a finding.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Grows as the site's count does.
    pub number: fn(&AtSite<'_>) -> f64,
    pub at: f64,
    /// What is counted.
    pub unit: &'static str,
    /// It is not the same for each operation.
    varies: bool,
}

impl Threshold {
    /// So many operations a second.
    pub fn rate(at: f64) -> Self {
        Self {
            number: |site| site.rate_per_s(),
            at,
            unit: "operations",
            varies: false,
        }
    }

    /// So many bytes a second.
    pub fn bytes(at: f64) -> Self {
        Self {
            number: |site| site.bytes_per_s(),
            at,
            unit: "bytes",
            varies: true,
        }
    }

    pub fn passed_by(&self, site: &AtSite<'_>) -> Passes {
        let factor = if self.varies && is_estimated(site) {
            few(site)
        } else {
            1.0
        };
        passes_within(site, (self.number)(site), factor, self.at)
    }
}

fn is_estimated(site: &AtSite<'_>) -> bool {
    site.low < site.count
}

/// Returns the part of what a site's operations are estimated to cost that they do cost, with four chances in five: all
/// of it where each of them was seen.
pub fn likely_part(site: &AtSite<'_>) -> f64 {
    if !is_estimated(site) {
        return 1.0;
    }
    (site.low / site.count / few(site)).max(0.0).powf(LIKELY)
}

/// Returns by which factor the mean of what operations hold or take may be off (95 %), seen at the hits of a site.
fn few(site: &AtSite<'_>) -> f64 {
    (Z * EACH_VARIES / (site.hits.max(1) as f64).sqrt()).exp()
}

/// Returns whether a site's operations reach a rate.
pub fn reaches(site: &AtSite<'_>, rate_per_s: f64) -> bool {
    Threshold::rate(rate_per_s).passed_by(site) == Passes::Yes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::sample::{calls, idle};

    #[test]
    fn severity_follows_the_share_and_nothing_else() {
        assert_eq!(severity(0.0), Severity::Info);
        assert_eq!(severity(0.0099), Severity::Info);
        assert_eq!(severity(WARNING_SHARE), Severity::Warning);
        assert_eq!(severity(CRITICAL_SHARE), Severity::Critical);
        assert_eq!(severity(f64::NAN), Severity::Info);
    }

    fn passing(rate: f64, low: f64, high: f64) -> Passes {
        let calls = calls("alloc").per_second(rate).between(low, high);
        let seen = idle().with(calls);
        let sites = seen.sites("alloc", |_| true);
        passes(&sites[0], sites[0].rate_per_s(), 100.0)
    }

    #[test]
    fn an_interval_around_the_threshold_is_neither_above_nor_below() {
        assert_eq!(passing(100.0, 1.0, 1.0), Passes::Yes);
        assert_eq!(passing(99.9, 1.0, 1.0), Passes::No);
        assert_eq!(passing(100.0, 0.8, 1.5), Passes::Yes);
        assert_eq!(passing(100.0, 0.79, 1.5), Passes::Perhaps);
        assert_eq!(passing(300.0, 0.07, 3.0), Passes::Perhaps);
        assert_eq!(passing(300.0, 0.1, 3.0), Passes::Likely);
        assert_eq!(passing(300.0, 0.5, 3.0), Passes::Yes);
        assert_eq!(passing(50.0, 0.5, 2.1), Passes::Perhaps);
        assert_eq!(passing(50.0, 0.5, 1.9), Passes::No);
    }

    #[test]
    fn a_few_large_objects_in_windows_are_no_rate_of_bytes() {
        let passing = |hits: u64, low: f64| {
            let mut calls = calls("alloc").per_second(1_000.0).of_bytes(20_000);
            calls = calls.between(low, 2.0);
            calls.hits = hits;
            let seen = idle().with(calls);
            let sites = seen.sites("alloc", |_| true);
            (
                Threshold::bytes(10e6).passed_by(&sites[0]),
                likely_part(&sites[0]),
            )
        };
        assert_eq!(passing(10_000, 0.5).0, Passes::Yes);
        assert_eq!(passing(10, 0.5).0, Passes::Likely);
        assert_eq!(passing(3, 1.0), (Passes::Yes, 1.0));
        assert!(passing(3, 0.1).1 < 0.3);
        assert!(passing(10_000, 0.9).1 > 0.9);
    }

    #[test]
    fn a_kilobyte_costs_more_than_an_object() {
        assert!(allocation_ns(1.0, 1024.0) > 4.0 * allocation_ns(1.0, 0.0));
    }
}
