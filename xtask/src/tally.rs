//! Sums of passed, failed and skipped tests over many `cargo test` runs.

use std::fmt;

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// One `NAME: REASON` for each test that found at run time that it could not do its work.
    pub(crate) skips: Vec<String>,
    /// What tests printed that failed, each from its headline to its backtrace.
    pub(crate) failures: Vec<Vec<String>>,
    /// The lines that come now are of the last failure.
    in_failure: bool,
}

/// Begins what a failed test printed, and what comes after that.
const HEADLINE: (&str, &str) = ("---- ", " stdout ----");
const AFTER: [&str; 2] = ["stack backtrace:", "failures:"];

impl Tally {
    /// Adds a line of libtest's output, if it is of a failure or a summary:
    /// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s`.
    pub(crate) fn add_line(&mut self, line: &str) {
        if line.starts_with(HEADLINE.0) && line.ends_with(HEADLINE.1) {
            self.failures.push(Vec::new());
            self.in_failure = true;
        }
        self.in_failure &= !AFTER.contains(&line);
        if let Some(failure) = self.failures.last_mut().filter(|_| self.in_failure) {
            failure.push(line.to_owned());
        }
        let Some(summary) = line.strip_prefix("test result: ") else {
            return;
        };
        self.passed += number_before(summary, " passed");
        self.failed += number_before(summary, " failed");
        self.ignored += number_before(summary, " ignored");
    }

    /// Adds skips, a line each; libtest has counted these tests as passed.
    pub(crate) fn add_skips(&mut self, lines: &str) {
        for line in lines.lines() {
            self.passed = self.passed.saturating_sub(1);
            self.skips.push(line.to_owned());
        }
    }

    /// Adds a check that is no libtest test.
    pub(crate) fn add_check(&mut self, name: &str, result: anyhow::Result<()>) {
        match result {
            Ok(()) => self.passed += 1,
            Err(error) => {
                eprintln!("[xtask] {name} failed: {error:#}");
                self.failed += 1;
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skipped = self.ignored + self.skips.len() as u64;
        write!(
            f,
            "{} passed, {} failed, {skipped} skipped",
            self.passed, self.failed
        )
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before
        .rsplit(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_several_runs_add_up() {
        let mut tally = Tally::default();
        tally.add_line("running 5 tests");
        tally
            .add_line("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out");
        tally.add_line(
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(tally.to_string(), "17 passed, 3 failed, 1 skipped");
    }

    #[test]
    fn a_skipped_test_is_not_a_passed_one() {
        let mut tally = Tally::default();
        tally.add_line("test result: ok. 5 passed; 0 failed; 0 ignored");
        tally.add_skips("counts::exact: not root\ncounts::more: not root\n");
        assert_eq!(tally.to_string(), "3 passed, 0 failed, 2 skipped");
    }

    #[test]
    fn what_failed_tests_printed_is_kept() {
        let mut tally = Tally::default();
        let of_test = |name: &str| format!("---- {name} stdout ----");
        let (first, second) = (of_test("counts::exact"), of_test("counts::more"));
        let output = [
            "failures:",
            "",
            &first,
            "3 is not 4",
            "",
            &second,
            "panicked",
            "stack backtrace:",
            "",
        ];
        let list = ["failures:", "    counts::exact", "    counts::more", ""];
        for line in output.into_iter().chain(list) {
            tally.add_line(line);
        }
        let expected = [
            vec![first.as_str(), "3 is not 4", ""],
            vec![&second, "panicked"],
        ];
        assert_eq!(tally.failures, expected);
    }

    #[test]
    fn a_check_counts_as_a_test() {
        let mut tally = Tally::default();
        tally.add_check("format", Ok(()));
        tally.add_check("lints", Err(anyhow::anyhow!("no")));
        assert_eq!(tally.to_string(), "1 passed, 1 failed, 0 skipped");
    }
}
