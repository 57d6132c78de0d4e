//! `go1.27.3 X:exp` to numbers.

use std::fmt;

/// A Go release; release candidates and betas count as the release they lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoVersion {
    pub major: u32,
    pub minor: u32,
    pub patch: u32,
}

impl GoVersion {
    /// Returns major and minor number, which decide on the form of tables.
    pub(super) fn release(self) -> (u32, u32) {
        (self.major, self.minor)
    }

    /// Reads what the linker records: `go1.27.3`, `go1.27`, `go1.28rc1`, `go1.26.8 X:nodwarf5`,
    /// `devel go1.28-3e1b2c Mon …`; vendors append suffixes such as `go1.25.5-custom`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (_, numbers) = text.split_ascii_whitespace().find_map(|word| {
            word.split_once("go")
                .filter(|(before, _)| before.is_empty())
        })?;
        let mut parts = numbers.splitn(3, '.');
        Some(Self {
            major: leading_number(parts.next()?)?,
            minor: parts.next().map_or(Some(0), leading_number)?,
            patch: parts.next().and_then(leading_number).unwrap_or(0),
        })
    }
}

impl fmt::Display for GoVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "go{}.{}.{}", self.major, self.minor, self.patch)
    }
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_version_is_read() {
        for (text, expected) in [
            ("go1.27.3", Some((1, 27, 3))),
            ("go1.21", Some((1, 21, 0))),
            ("go1.28rc1", Some((1, 28, 0))),
            ("go1.28beta2", Some((1, 28, 0))),
            ("go1.26.8 X:nosizespecializedmalloc", Some((1, 26, 8))),
            (
                "devel go1.28-3e1b2cd6a2 Mon Nov 2 10:00:00 2026 +0000",
                Some((1, 28, 0)),
            ),
            ("go1.25.5-custom", Some((1, 25, 5))),
            ("go2.0", Some((2, 0, 0))),
            ("devel +3e1b2cd6a2 Mon Nov 2", None),
            ("go1.99999999999999", None),
            ("go", None),
            ("", None),
        ] {
            let found = GoVersion::parse(text).map(|v| (v.major, v.minor, v.patch));
            assert_eq!(found, expected, "{text}");
        }
    }
}
