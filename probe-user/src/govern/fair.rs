//! Divides what the budget leaves among the probes.

/// What a probe asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Claim {
    /// CPUs that it takes when it is always on.
    pub(super) rate: f64,
    /// How much it is wanted.
    pub(super) weight: f64,
}

/// Returns the CPUs that a probe of weight 1 may take: who asks for less than its part gets what it asks for,
/// and leaves the rest to the others.
pub(super) fn level(budget: f64, claims: &[Claim]) -> f64 {
    let mut sorted: Vec<&Claim> = claims.iter().filter(|claim| claim.weight > 0.0).collect();
    sorted.sort_by(|a, b| (a.rate / a.weight).total_cmp(&(b.rate / b.weight)));
    let mut left = budget;
    let mut weights: f64 = sorted.iter().map(|claim| claim.weight).sum();
    for claim in sorted {
        let level = left / weights;
        if claim.rate > level * claim.weight {
            return level;
        }
        left -= claim.rate;
        weights -= claim.weight;
    }
    // Everybody is content.
    f64::INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(rate: f64, weight: f64) -> Claim {
        Claim { rate, weight }
    }

    #[test]
    fn who_asks_for_little_leaves_the_rest() {
        let level = level(10.0, &[claim(1.0, 1.0), claim(100.0, 1.0), claim(8.0, 1.0)]);
        assert!((level - 4.5).abs() < 1e-9);
    }

    #[test]
    fn parts_are_as_the_weights() {
        let claims = [claim(100.0, 3.0), claim(100.0, 1.0)];
        assert!((level(8.0, &claims) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn there_may_be_enough_for_all() {
        assert!(level(10.0, &[claim(1.0, 1.0), claim(2.0, 3.0)]).is_infinite());
        assert!(level(10.0, &[]).is_infinite());
    }
}
