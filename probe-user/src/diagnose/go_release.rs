//! The Go release that built the target, and what its `GODEBUG` defaults are.

/// Major and minor number of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoRelease {
    pub major: u32,
    pub minor: u32,
}

impl GoRelease {
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Reads `go1.27.3`, `go1.26rc1` and `go1.25-custom`; `None` for development versions without a number.
    pub fn parse(version: &str) -> Option<Self> {
        let numbers = version
            .split_whitespace()
            .find_map(|word| word.strip_prefix("go"))?;
        let mut parts = numbers.splitn(3, '.');
        let number = |text: &str| {
            let end = text
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(text.len());
            text.get(..end)?.parse().ok()
        };
        Some(Self::new(number(parts.next()?)?, number(parts.next()?)?))
    }
}

impl std::fmt::Display for GoRelease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Go {}.{}", self.major, self.minor)
    }
}

/// Returns the value of `key` in a list as `GODEBUG` has it, `a=1,b=2`; the last one counts, as in
/// src/internal/godebug/godebug.go.
pub fn godebug<'a>(list: &'a str, key: &str) -> Option<&'a str> {
    list.rsplit(',').find_map(|item| {
        let (name, value) = item.split_once('=')?;
        (name.trim() == key).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_with_and_without_a_patch_number() {
        for (text, release) in [
            ("go1.27.3", Some(GoRelease::new(1, 27))),
            ("go1.21", Some(GoRelease::new(1, 21))),
            ("go1.26rc1", Some(GoRelease::new(1, 26))),
            (
                "go1.25.5-vendor X:nogreenteagc",
                Some(GoRelease::new(1, 25)),
            ),
            ("devel go1.28-abcdef", Some(GoRelease::new(1, 28))),
            ("devel +abcdef", None),
            ("go", None),
            ("", None),
        ] {
            assert_eq!(GoRelease::parse(text), release, "{text}");
        }
    }

    #[test]
    fn the_last_setting_of_a_list_counts() {
        assert_eq!(
            godebug("asynctimerchan=1,panicnil=1", "asynctimerchan"),
            Some("1")
        );
        assert_eq!(
            godebug("asynctimerchan=1,asynctimerchan=0", "asynctimerchan"),
            Some("0")
        );
        assert_eq!(godebug("", "asynctimerchan"), None);
    }
}
