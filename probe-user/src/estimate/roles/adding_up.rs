//! Roles that are told each by itself, and all of them together.

use std::collections::BTreeMap;

use super::super::{Counted, Part, Run, Z, told_by_channel, told_by_costs};
use crate::aggregate::ProbeSampling;

/// What is known to a thousandth is pulled to its bounds by that; and how often the half of it is taken until it is right.
const HARDEST: f64 = 1e6;
const HALVINGS: usize = 100;
/// An interval is so many standard errors wide.
const ERRORS_WIDE: f64 = 4.0;

/// How many operations there are of all roles together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole {
    operations: Bounded,
    pub(super) by_runtime: bool,
}

impl From<&Counted> for Whole {
    fn from(&Counted { total, error }: &Counted) -> Self {
        Self {
            operations: Bounded {
                likely: total,
                low: total * (1.0 - error),
                high: total * (1.0 + error),
            },
            by_runtime: true,
        }
    }
}

impl Whole {
    /// As many as went through the channels that they are on.
    pub(super) fn of_channels(sampling: &ProbeSampling, run: &Run<'_>) -> Option<Self> {
        let by_costs = told_by_costs(sampling, run);
        let told = told_by_channel(sampling, run, &by_costs)?;
        let total = |factor: f64| sampling.whole + sampling.total * factor;
        Some(Self {
            operations: Bounded {
                likely: total(told.total),
                low: total(told.low),
                high: total(told.high),
            },
            by_runtime: false,
        })
    }
}

/// How many operations there are, as far as is known.
#[derive(Clone, Copy, Debug)]
struct Bounded {
    likely: f64,
    low: f64,
    high: f64,
}

impl Bounded {
    fn of(part: &Part, most: f64) -> Self {
        let sampling = &part.sampling;
        let chance = ProbeSampling::spread(1.0, sampling.error(), Z);
        let whole = sampling.whole * part.whole;
        let high = (whole + sampling.total * part.high * chance).min(most);
        let low = (whole + sampling.total * part.low / chance).min(high);
        Self {
            likely: part.total().min(high).max(low),
            low,
            high,
        }
    }

    fn times(self, of: f64) -> Self {
        Self {
            likely: self.likely * of,
            low: self.low * of,
            high: self.high * of,
        }
    }

    /// Returns the variance of its logarithm.
    fn variance(&self) -> f64 {
        (self.high.max(1.0) / self.low.max(1.0)).ln().powi(2) / ERRORS_WIDE.powi(2)
    }

    /// Returns what is likely by this and by another one, each by how well it is known.
    fn with(&self, other: &Self) -> f64 {
        let (own, of_other) = (self.variance(), other.variance());
        let part = own / (own + of_other).max(f64::MIN_POSITIVE);
        self.likely.powf(1.0 - part) * other.likely.powf(part)
    }

    /// Returns what is likely if all are to be more, or less, each the more so the less is known of it.
    fn pulled(&self, by: f64) -> f64 {
        let likely = self.likely * (by * self.variance()).exp();
        likely.min(self.high).max(self.low)
    }
}

/// Pulls them until they are `total` together, or as near to it as can be.
fn share(parts: &mut [Bounded], total: f64) {
    let (mut less, mut more) = (-HARDEST, HARDEST);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(less, more);
        let sum: f64 = parts.iter().map(|part| part.pulled(middle)).sum();
        if sum < total {
            less = middle;
        } else {
            more = middle;
        }
    }
    for part in parts {
        part.likely = part.pulled(f64::midpoint(less, more));
    }
}

/// Returns the scales with which the roles together have as many operations as there are; `None` where they can't.
pub(super) fn adding_up(
    parts: &BTreeMap<u16, Part>,
    of_probe: &ProbeSampling,
    whole: &Whole,
) -> Option<BTreeMap<u16, Part>> {
    let known: f64 = parts.values().map(|part| part.sampling.total).sum();
    let all = whole.operations.times((known / of_probe.total).min(1.0));
    let (least, most) = (all.low, all.high);
    let mut bounded: Vec<Bounded> = parts.values().map(|part| Bounded::of(part, most)).collect();
    let sum = |of: fn(&Bounded) -> f64, all: &[Bounded]| all.iter().map(of).sum::<f64>();
    let (low, high) = (
        sum(|part| part.low, &bounded),
        sum(|part| part.high, &bounded),
    );
    if low > most || high < least {
        return None;
    }
    // What the roles tell and what tells of all of them, each by how well it is known.
    let of_roles = Bounded {
        likely: sum(|part| part.likely, &bounded),
        low,
        high,
    };
    share(&mut bounded, of_roles.with(&all));
    let parts = parts.iter().zip(&bounded).map(|((role, part), found)| {
        let low_at_least = (least - (high - found.high))
            .max(found.low)
            .min(found.likely);
        let high_at_most = (most - (low - found.low)).min(found.high).max(found.likely);
        let factor_of = |operations: f64| part.sampling.factor_of(operations);
        let part = Part {
            factor: factor_of(found.likely),
            low: factor_of(low_at_least),
            high: factor_of(high_at_most),
            most: part.most.min(most),
            known_total: Some((high_at_most / low_at_least.max(1.0)).ln() / 2.0),
            by_runtime: whole.by_runtime,
            whole: 1.0,
            ..*part
        };
        (*role, part)
    });
    Some(parts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregate::{Profile, Sampling, Seen, Slice},
        estimate::tests::{RUN_NS, run_of},
    };

    const WINDOW_NS: u64 = 1_000_000;

    /// A scale of which the windows tell a likely number of operations, at least and at most.
    fn told(profile: &Profile, [low, likely, high]: [f64; 3]) -> Part {
        let sampling = profile.sampling.probes["alloc"];
        let part = Part::new(&sampling, &run_of(profile), None);
        let factor = |operations: f64| operations / sampling.total;
        Part {
            factor: factor(likely),
            low: factor(low),
            high: factor(high),
            ..part
        }
    }

    fn profile() -> Profile {
        let mut sampling = Sampling::default();
        for _ in 0..100 {
            let slice = Slice {
                on_ns: WINDOW_NS,
                period_ns: Some(RUN_NS / 100),
                ..Slice::default()
            };
            let seen = Seen {
                row: 0,
                begun: 1_000,
                bytes: 0,
            };
            sampling.add("alloc", &slice, &[seen]);
        }
        Profile {
            sampling,
            ..Profile::default()
        }
    }

    fn add_up(roles: [[f64; 3]; 2], total: f64) -> Option<Vec<[f64; 3]>> {
        let profile = profile();
        let parts = roles.iter().enumerate();
        let parts = parts.map(|(n, bounds)| (n as u16 + 1, told(&profile, *bounds)));
        let of_probe = ProbeSampling {
            total: 2.0 * profile.sampling.probes["alloc"].total,
            ..profile.sampling.probes["alloc"]
        };
        let counted = Counted { total, error: 0.03 };
        let parts = adding_up(&parts.collect(), &of_probe, &Whole::from(&counted))?;
        let bounds = |part: &Part| {
            [part.low, part.factor, part.high].map(|factor| factor * part.sampling.total)
        };
        Some(parts.values().map(bounds).collect())
    }

    #[test]
    fn what_is_known_well_is_left_and_the_rest_is_of_who_is_not() {
        let found = add_up([[1.5e6, 1.8e6, 2.1e6], [1e6, 5e6, 1e9]], 38e6).unwrap();
        assert!((found[0][1] / 1.8e6 - 1.0).abs() < 0.02, "{found:?}");
        assert!((found[1][1] / 36.2e6 - 1.0).abs() < 0.01, "{found:?}");
        // What all are, less what the other is at most.
        let [low, _, high] = found[1];
        assert!(low > 34e6 && low < 36e6, "{found:?}");
        assert!(high > 36e6 && high < 39e6, "{found:?}");
    }

    #[test]
    fn roles_that_cannot_add_up_are_not_told_apart() {
        assert_eq!(add_up([[1e6, 2e6, 3e6], [1e6, 2e6, 3e6]], 38e6), None);
        assert_eq!(add_up([[1e9, 2e9, 3e9], [1e6, 2e6, 3e6]], 38e6), None);
    }
}
