//! The budget as people type it: `2%`, `0%`, `none`.

use super::config::Budget;

/// Parses a percentage of the target's CPU time, 0% to 100%, or `none`.
pub(super) fn parse(text: &str) -> Result<Budget, String> {
    if text == "none" {
        return Ok(Budget::None);
    }
    let number = text
        .strip_suffix('%')
        .ok_or("give a percentage such as 2%, or none for no limit")?;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err("not a percentage such as 2% or 0.5%".to_owned());
    }
    match number.parse::<f64>() {
        Ok(percent) if percent <= 100.0 => Ok(Budget::Share(percent / 100.0)),
        Ok(_) => Err("more than 100%".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_become_shares() {
        assert_eq!(parse("2%"), Ok(Budget::Share(0.02)));
        assert_eq!(parse("0%"), Ok(Budget::Share(0.0)));
        assert_eq!(parse("0.5%"), Ok(Budget::Share(0.005)));
        assert_eq!(parse("100%"), Ok(Budget::Share(1.0)));
        assert_eq!(parse("none"), Ok(Budget::None));
    }

    #[test]
    fn refuses_what_is_no_percentage() {
        for text in [
            "", "2", "%", "-1%", "101%", "NaN%", "inf%", "1e1%", "1.2.3%", "None",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
