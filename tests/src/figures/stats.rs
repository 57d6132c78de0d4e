//! Values measured several times, and how far they lie apart.

use std::fmt;

/// Median of repeated measurements, and between what they lie: quartiles, or all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    /// Median and quartiles; of no values all three are NaN.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        Self::between(values, 0.25)
    }

    /// Median, least and most: for values too few to have quartiles.
    pub fn whole(values: impl IntoIterator<Item = f64>) -> Self {
        Self::between(values, 0.0)
    }

    fn between(values: impl IntoIterator<Item = f64>, share: f64) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = values.len().saturating_sub(1) as f64;
            let rank = (last * share).round() as usize;
            values.get(rank).copied().unwrap_or(f64::NAN)
        };
        Self {
            low: at(share),
            median: at(0.5),
            high: at(1.0 - share),
        }
    }
}

/// The median, and between what the values lie behind it; the precision is that of the formatter.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let precision = f.precision().unwrap_or(0);
        let Self { low, median, high } = self;
        write!(
            f,
            "{median:.precision$} ({low:.precision$}…{high:.precision$})"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_values_that_were_measured() {
        let spread = Spread::of([5.0, 1.0, 2.0, 4.0, 3.0]);
        assert_eq!((spread.low, spread.median, spread.high), (2.0, 3.0, 4.0));
        assert_eq!(format!("{spread:.1}"), "3.0 (2.0…4.0)");
        let whole = Spread::whole([5.0, 1.0, 2.0]);
        assert_eq!((whole.low, whole.median, whole.high), (1.0, 2.0, 5.0));
        assert!(Spread::of([]).median.is_nan());
    }
}
