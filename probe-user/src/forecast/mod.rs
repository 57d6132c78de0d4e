//! What a run will cost, said before the first probe is on: rates in, shares and the governor's likely
//! decisions out.
//!
//! Pure. The governor goes by what it measures; this says what it will find, as far as that can be known
//! without a probe. What is not known stays unknown.

mod rates;

pub use rates::Look;

use crate::{
    govern,
    report::{Fate, Prediction, Rate},
};

/// What the run is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Share of the target's CPU time, 0…1; `None`: no limit.
    pub budget_share: Option<f64>,
    /// CPUs that the target uses by itself; `None`: not known.
    pub cpus: Option<f64>,
    /// Whether probes come on and go off quickly here; where they don't there are no windows.
    pub can_reopen: bool,
}

/// A probe that may be on.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What one operation costs the target, in nanoseconds of its CPU time.
    pub operation_ns: f64,
    pub rate: Rate,
}

/// What is expected of all probes together.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// In the order of the candidates.
    pub probes: Vec<Prediction>,
    /// Share of the target's CPU time that the probes will take at least, and at most; `None`: not known.
    pub low_share: Option<f64>,
    pub high_share: Option<f64>,
}

/// Says what each probe would take if it was always on, what the governor will make of that, and what all of
/// it comes to.
pub fn foretell(terms: &Terms, candidates: &[Candidate]) -> Forecast {
    let fates = fates(terms, candidates);
    let cpus = terms.cpus.filter(|cpus| *cpus > 0.0);
    // The sum of no costs is -0.
    let share = |cost: f64| cpus.map(|cpus| cost / (cpus + cost) + 0.0);
    let predicted = |(candidate, fate): (&Candidate, &Fate)| Prediction {
        operation_ns: candidate.operation_ns,
        rate: candidate.rate.clone(),
        always_on_share: candidate.cost().and_then(share),
        fate: *fate,
    };
    let steady = || {
        let all = candidates.iter().zip(&fates);
        all.filter(|(_, fate)| **fate == Fate::AlwaysOn)
            .map(|(candidate, _)| candidate)
    };
    let low: f64 = steady().map(Candidate::cost_at_least).sum();
    let high: Option<f64> = steady().map(Candidate::cost_at_most).sum();
    let is_all_steady = fates
        .iter()
        .all(|fate| matches!(fate, Fate::AlwaysOn | Fate::Off));
    let limit = terms.budget_share.unwrap_or(1.0);
    let high_share = if is_all_steady {
        high.and_then(share).map(|high| high.min(limit))
    } else {
        // Windows are opened for what the limit leaves.
        terms.budget_share
    };
    Forecast {
        probes: candidates.iter().zip(&fates).map(predicted).collect(),
        low_share: share(low),
        high_share,
    }
}

/// What the governor will make of each: who asks for less than its part of the budget stays on.
fn fates(terms: &Terms, candidates: &[Candidate]) -> Vec<Fate> {
    let Some(budget_share) = terms.budget_share else {
        return vec![Fate::AlwaysOn; candidates.len()];
    };
    if budget_share <= 0.0 {
        return vec![Fate::Off; candidates.len()];
    }
    let Some(cpus) = terms.cpus else {
        return vec![Fate::FirstLook; candidates.len()];
    };
    let level = govern::level(
        budget_share * cpus,
        candidates
            .iter()
            .filter_map(|candidate| candidate.cost().or_else(|| candidate.cost_at_most())),
    );
    let too_hot = if terms.can_reopen {
        Fate::Windows
    } else {
        Fate::Dropped
    };
    let fate = |candidate: &Candidate| {
        let (at_least, at_most) = match candidate.cost() {
            Some(cost) => (cost, Some(cost)),
            None => (candidate.cost_at_least(), candidate.cost_at_most()),
        };
        if at_most.is_some_and(|cost| cost <= level) {
            Fate::AlwaysOn
        } else if at_least > level {
            too_hot
        } else {
            Fate::FirstLook
        }
    };
    candidates.iter().map(fate).collect()
}

impl Candidate {
    /// CPUs that it takes while it is on, where its rate is known.
    fn cost(&self) -> Option<f64> {
        Some(self.rate.per_s? * self.operation_ns / 1e9)
    }

    fn cost_at_least(&self) -> f64 {
        self.rate.low_per_s.unwrap_or(0.0) * self.operation_ns / 1e9
    }

    fn cost_at_most(&self) -> Option<f64> {
        Some(self.rate.high_per_s? * self.operation_ns / 1e9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        budget_share: Some(0.02),
        cpus: Some(1.0),
        can_reopen: true,
    };

    fn known(per_s: f64) -> Candidate {
        Candidate {
            operation_ns: 2_000.0,
            rate: Rate {
                per_s: Some(per_s),
                low_per_s: Some(per_s),
                high_per_s: Some(per_s),
                from: None,
            },
        }
    }

    fn between(low: Option<f64>, high: Option<f64>) -> Candidate {
        Candidate {
            operation_ns: 2_000.0,
            rate: Rate {
                low_per_s: low,
                high_per_s: high,
                ..Rate::default()
            },
        }
    }

    fn fates_of(terms: &Terms, candidates: &[Candidate]) -> Vec<Fate> {
        let forecast = foretell(terms, candidates);
        forecast.probes.iter().map(|probe| probe.fate).collect()
    }

    #[test]
    fn what_is_cheap_stays_on_and_what_is_hot_gets_windows() {
        // 1.8 % of a CPU are divided: the cheapest two take 0.7 %, which leaves the others less than 0.6 % each.
        let candidates = [known(1e6), known(3_000.0), known(2_000.0), known(1_500.0)];
        let forecast = foretell(&TERMS, &candidates);
        let fates: Vec<Fate> = forecast.probes.iter().map(|probe| probe.fate).collect();
        assert_eq!(
            fates,
            [Fate::Windows, Fate::Windows, Fate::AlwaysOn, Fate::AlwaysOn]
        );
        let hot = forecast.probes[0].always_on_share.unwrap();
        assert!((hot - 2.0 / 3.0).abs() < 1e-9, "{hot}");
        let low = forecast.low_share.unwrap();
        assert!((low - 0.007 / 1.007).abs() < 1e-9, "{low}");
        assert_eq!(forecast.high_share, Some(0.02));
    }

    #[test]
    fn an_unknown_rate_is_no_rate_of_0() {
        let forecast = foretell(&TERMS, &[between(None, None)]);
        assert_eq!(forecast.probes[0].fate, Fate::FirstLook);
        assert_eq!(forecast.probes[0].always_on_share, None);
        assert_eq!(forecast.high_share, Some(0.02));
        let unlimited = Terms {
            budget_share: None,
            ..TERMS
        };
        let forecast = foretell(&unlimited, &[known(1_000.0), between(None, None)]);
        assert_eq!(forecast.high_share, None);
        assert_eq!(forecast.probes[1].fate, Fate::AlwaysOn);
    }

    #[test]
    fn bounds_decide_where_they_can() {
        let candidates = [
            between(None, Some(100.0)),
            between(None, Some(1e6)),
            between(Some(1e6), None),
        ];
        assert_eq!(
            fates_of(&TERMS, &candidates),
            [Fate::AlwaysOn, Fate::FirstLook, Fate::Windows]
        );
    }

    #[test]
    fn without_a_budget_nothing_is_on_and_without_windows_what_is_hot_is_dropped() {
        let nothing = Terms {
            budget_share: Some(0.0),
            ..TERMS
        };
        assert_eq!(fates_of(&nothing, &[known(1.0)]), [Fate::Off]);
        assert_eq!(foretell(&nothing, &[known(1.0)]).high_share, Some(0.0));
        let slow = Terms {
            can_reopen: false,
            ..TERMS
        };
        assert_eq!(fates_of(&slow, &[known(1e6)]), [Fate::Dropped]);
    }

    #[test]
    fn of_a_file_no_share_is_known() {
        let file = Terms {
            cpus: None,
            ..TERMS
        };
        let forecast = foretell(&file, &[between(None, None)]);
        assert_eq!(forecast.low_share, None);
        assert_eq!(forecast.probes[0].fate, Fate::FirstLook);
    }
}
