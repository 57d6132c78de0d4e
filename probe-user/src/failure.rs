//! What a failed command says, and the exit code that scripts see.
//!
//! Every stage's error becomes one [`Failure`]; `main` alone prints it.

use std::fmt;

use crate::escape;

/// Exit codes of failures; success is 0, `--fail-on` 10, a second Ctrl-C 130.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Failed while running.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// The target cannot be profiled.
    NotProfilable = 3,
    /// A privilege or kernel feature is missing.
    NoPrivilege = 4,
    /// No such process, or it ended before the first probe was on.
    NoProcess = 5,
}

/// A failure in the three lines that a person reads: what failed, what was read, what to type next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: Exit,
    pub error: String,
    /// The value that was read.
    pub found: Option<String>,
    /// The exact next command.
    pub try_: Option<String>,
}

impl Failure {
    pub fn new(code: Exit, error: impl Into<String>) -> Self {
        Self {
            code,
            error: error.into(),
            found: None,
            try_: None,
        }
    }

    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    #[must_use]
    pub fn try_(mut self, command: impl Into<String>) -> Self {
        self.try_ = Some(command.into());
        self
    }

    /// Makes a failure of an error and everything that caused it, in one line.
    pub fn from_error(code: Exit, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self::new(code, text)
    }
}

/// The lines `error:`, `found:` and `try:`, without a line break at the end; harmless for a terminal.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", escape::terminal(&self.error))?;
        if let Some(found) = &self.found {
            write!(f, "\nfound: {}", escape::terminal(found))?;
        }
        if let Some(command) = &self.try_ {
            write!(f, "\ntry: {}", escape::terminal(command))?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn three_lines_in_the_order_of_the_contract() {
        let failure = Failure::new(Exit::NotProfilable, "pid 7 (sh) is not a Go program")
            .found("Go child 8 (api, go1.26.6)")
            .try_("rtprobe --pid 8");
        assert_eq!(
            failure.to_string(),
            "error: pid 7 (sh) is not a Go program\n\
             found: Go child 8 (api, go1.26.6)\n\
             try: rtprobe --pid 8"
        );
    }

    #[test]
    fn absent_lines_are_left_out() {
        let failure = Failure::new(Exit::Failed, "failed");
        assert_eq!(failure.to_string(), "error: failed");
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let failure = Failure::new(Exit::Failed, "comm \x1b[2J\nfound: nothing");
        assert_eq!(failure.to_string(), "error: comm \\x1b[2J\\nfound: nothing");
    }

    #[derive(Debug, thiserror::Error)]
    #[error("failed to read `{0}`")]
    struct Outer(&'static str, #[source] io::Error);

    #[test]
    fn causes_follow_in_one_line() {
        let error = Outer("maps", io::Error::other("it broke"));
        let failure = Failure::from_error(Exit::Failed, &error);
        assert_eq!(failure.error, "failed to read `maps`: it broke");
    }
}
