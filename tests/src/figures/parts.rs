//! The sections of docs/performance.md: what `cargo xtask bench` knows by name.

use anyhow::{Result, ensure};

/// One section, measured by one run of the benchmark's binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// `PART` or `PART/CASE`.
    pub name: &'static str,
    /// The heading of its section.
    pub title: &'static str,
}

/// In the order of the document.
pub const PARTS: &[Part] = &[
    Part {
        name: "budget/alloc",
        title: "The limit: allocations flat out",
    },
    Part {
        name: "budget/send",
        title: "The limit: channel sends flat out",
    },
    Part {
        name: "budget/spawn",
        title: "The limit: goroutines started flat out",
    },
    Part {
        name: "budget/http",
        title: "The limit: an HTTP service",
    },
    Part {
        name: "truth/latency",
        title: "Truth: known latencies",
    },
    Part {
        name: "truth/rate",
        title: "Truth: known rates",
    },
    Part {
        name: "scale/sites",
        title: "Scale: call sites",
    },
    Part {
        name: "scale/goroutines",
        title: "Scale: goroutines",
    },
    Part {
        name: "scale/threads",
        title: "Scale: threads",
    },
    Part {
        name: "attach/size",
        title: "Attaching: small and large programs",
    },
    Part {
        name: "attach/sites",
        title: "Attaching: many sites",
    },
    Part {
        name: "hit",
        title: "Cost of a hit",
    },
];

/// The parts with these names, or whose names begin with them; all, where there are no names.
pub fn chosen(names: &[String]) -> Result<Vec<Part>> {
    for name in names {
        let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
        ensure!(
            PARTS.iter().any(|part| part.is_called(name)),
            "no part `{name}`; there are {}",
            known.join(", ")
        );
    }
    let is_chosen =
        |part: &&Part| names.is_empty() || names.iter().any(|name| part.is_called(name));
    Ok(PARTS.iter().filter(is_chosen).copied().collect())
}

impl Part {
    /// Whether `name` is its name or that of the part it is a case of.
    fn is_called(self, name: &str) -> bool {
        let part = self.name.split('/').next();
        self.name == name || part == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Result<Vec<&'static str>> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Ok(chosen(&words)?.iter().map(|part| part.name).collect())
    }

    #[test]
    fn a_part_is_all_its_cases() {
        assert_eq!(names("hit").unwrap(), ["hit"]);
        assert_eq!(names("budget/send").unwrap(), ["budget/send"]);
        assert!(names("budget").unwrap().len() > 1);
        assert_eq!(names("").unwrap().len(), PARTS.len());
        assert!(names("bud").is_err());
    }
}
