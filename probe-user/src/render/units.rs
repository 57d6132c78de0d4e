//! Numbers as people read them: three significant digits and a unit.
//!
//! Number and unit are held together by a no-break space, which text turns into a plain one.

/// Returns a duration: `990 ns`, `21.0 µs`, `1.50 s`, `16.7 min`, `6.77 h`.
pub(in crate::render) fn duration(ns: u64) -> String {
    scaled(
        ns as f64,
        &[
            (1.0, "\u{a0}ns"),
            (1e3, "\u{a0}µs"),
            (1e6, "\u{a0}ms"),
            (1e9, "\u{a0}s"),
            (6e10, "\u{a0}min"),
            (3.6e12, "\u{a0}h"),
        ],
    )
}

/// Returns a power of ten of nanoseconds, for an axis: `10 ns`, `1 µs`, `100 s`.
pub(in crate::render) fn decade(ns: u64) -> String {
    let (divisor, unit) = match ns {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    format!("{}\u{a0}{unit}", ns / divisor)
}

/// Returns a number of things: exact below 10 000, else `45.0k`, `1.20M`.
pub(in crate::render) fn count(n: u64) -> String {
    if n < 10_000 {
        n.to_string()
    } else {
        scaled(n as f64, DECIMAL)
    }
}

/// Returns a rate per second: `1.50k/s`, `0.033/s`.
pub(in crate::render) fn rate(per_s: f64) -> String {
    format!("{}/s", quantity(per_s))
}

/// Returns a number of bytes: `512 B`, `17.1 MB`.
pub(in crate::render) fn bytes(n: f64) -> String {
    scaled(
        n,
        &[
            (1.0, "\u{a0}B"),
            (1e3, "\u{a0}kB"),
            (1e6, "\u{a0}MB"),
            (1e9, "\u{a0}GB"),
            (1e12, "\u{a0}TB"),
        ],
    )
}

/// Returns a share of 1 in percent: `31 %`, `1.2 %`, `< 0.1 %`.
pub(in crate::render) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 {
        return "<\u{a0}0.1\u{a0}%".to_owned();
    }
    let is_whole = (percent * 10.0).round() % 10.0 == 0.0;
    if is_whole || percent >= 9.95 {
        format!("{percent:.0}\u{a0}%")
    } else {
        format!("{percent:.1}\u{a0}%")
    }
}

/// Returns any number with three significant digits.
pub(in crate::render) fn quantity(n: f64) -> String {
    scaled(n, DECIMAL)
}

/// Returns a plain number of things with its noun, `1 hit`, `45.0k hits`.
pub(in crate::render) fn counted(n: u64, noun: &str) -> String {
    format!("{}\u{a0}{noun}{}", count(n), if n == 1 { "" } else { "s" })
}

const DECIMAL: &[(f64, &str)] = &[(1.0, ""), (1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")];

/// Writes `value` in the largest unit that leaves at least 1 before the point. A value that would round to
/// `1000` of a unit is written in the next one.
fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let mut text = String::new();
    for (index, (factor, unit)) in units.iter().enumerate() {
        let in_unit = value / factor;
        text = if index == 0 && in_unit.fract() == 0.0 {
            format!("{in_unit:.0}{unit}")
        } else {
            format!("{}{unit}", three_digits(in_unit))
        };
        let next = units
            .get(index + 1)
            .map_or(f64::INFINITY, |(next, _)| next / factor);
        if in_unit.abs() < next.min(999.5) {
            break;
        }
    }
    text
}

fn three_digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 99.95 {
        format!("{value:.0}")
    } else if magnitude >= 9.995 {
        format!("{value:.1}")
    } else if magnitude >= 0.995 {
        format!("{value:.2}")
    } else if magnitude >= 0.0005 {
        format!("{value:.3}")
    } else {
        "<\u{a0}0.001".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let expected = [
            (0, "0 ns"),
            (1, "1 ns"),
            (990, "990 ns"),
            (1_000, "1.00 µs"),
            (21_049, "21.0 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (120_311_000, "120 ms"),
            (30_000_000_000, "30.0 s"),
            (90_000_000_000, "1.50 min"),
            (24_360_000_000_000, "6.77 h"),
        ];
        for (ns, text) in expected {
            assert_eq!(plain(&duration(ns)), text);
        }
    }

    #[test]
    fn counts_are_exact_until_they_are_long() {
        assert_eq!(count(0), "0");
        assert_eq!(count(9_999), "9999");
        assert_eq!(count(45_001), "45.0k");
        assert_eq!(count(999_600), "1.00M");
        assert_eq!(count(u64::MAX), "18446744T");
    }

    #[test]
    fn shares_do_not_round_to_nothing() {
        assert_eq!(plain(&share(0.0)), "0 %");
        assert_eq!(plain(&share(0.0001)), "< 0.1 %");
        assert_eq!(plain(&share(0.011)), "1.1 %");
        assert_eq!(plain(&share(0.02)), "2 %");
        assert_eq!(plain(&share(0.9999)), "100 %");
        assert_eq!(plain(&share(1.0)), "100 %");
    }

    #[test]
    fn rates_below_one_keep_their_digits() {
        assert_eq!(plain(&rate(1500.0)), "1.50k/s");
        assert_eq!(plain(&rate(0.0333)), "0.033/s");
        assert_eq!(plain(&rate(0.000_01)), "< 0.001/s");
        assert_eq!(plain(&rate(f64::NAN)), "?/s");
    }
}
