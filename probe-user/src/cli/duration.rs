//! Durations as people type them: `30s`, `500ms`, `1m30s`, `0`.

use std::time::Duration;

/// Units, longest name first where one is the start of another.
const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
const HINT: &str = "units are ms, s, m and h, for example 30s, 500ms, 2m, 1m30s or 0";

/// Parses one or more whole numbers, each with a unit; only 0 stands without one.
///
/// The error says which units exist.
pub fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total_ms = 0u64;
    while !rest.is_empty() {
        let (milliseconds, after) = parse_part(rest)?;
        total_ms = total_ms
            .checked_add(milliseconds)
            .ok_or("longer than any run")?;
        rest = after;
    }
    if text.is_empty() {
        return Err(format!("no number; {HINT}"));
    }
    Ok(Duration::from_millis(total_ms))
}

/// Returns the milliseconds of the first number with its unit, and the text after it.
fn parse_part(text: &str) -> Result<(u64, &str), String> {
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, after) = text.split_at(digits_end);
    if digits.is_empty() {
        return Err(format!("not a whole number; {HINT}"));
    }
    let unit_end = after
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(after.len());
    let (unit, rest) = after.split_at(unit_end);
    if unit.is_empty() {
        return Err(format!("no unit; {HINT}"));
    }
    let (_, unit_ms) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(|| format!("unknown unit `{unit}`; {HINT}"))?;
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(*unit_ms))
        .map(|milliseconds| (milliseconds, rest))
        .ok_or_else(|| "longer than any run".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_and_sums() {
        for (text, ms) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1m30s", 90_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn bare_number_names_the_units() {
        let error = parse("30").unwrap_err();
        assert!(
            error.contains("no unit") && error.contains("ms, s, m and h"),
            "{error}"
        );
    }

    #[test]
    fn refuses_what_is_no_duration() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "1d",
            "1s ",
            "1 s",
            "99999999999999999999s",
            "30s5",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            drop(parse(&text));
        }

        #[test]
        fn reads_back_what_is_written(minutes in 0..10_000u64, ms in 0..60_000u64) {
            let expected = Duration::from_millis(minutes * 60_000 + ms);
            prop_assert_eq!(parse(&format!("{minutes}m{ms}ms")), Ok(expected));
        }
    }
}
