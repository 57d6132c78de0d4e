//! Can this host, this kernel and this target be profiled, and what does each missing thing cost?
//!
//! Facts are read or tried out first (`facts`), then judged (`host`, `target`); the judging is pure.

mod facts;
mod host;
mod target;

use serde::{Serialize, Serializer};

use crate::{
    discover::{Inspect, ProcFs},
    failure::{Exit, Failure},
};

pub use self::facts::Facts;
pub(crate) use self::target::kind;

/// The answer of `rtprobe doctor`, in JSON `rtprobe.doctor/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    pub schema: &'static str,
    /// Whether nothing stands in the way.
    pub possible: bool,
    pub exit_code: u8,
    pub host: Vec<Check>,
    /// Empty unless a process was asked about.
    pub target: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub state: State,
    /// The value that was read.
    pub found: String,
    /// What it costs that the thing is missing.
    pub costs: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    /// Profiling goes on with less.
    Less,
    /// Profiling is not possible; the exit code says why.
    Missing(Exit),
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Ok => "ok",
            Self::Less => "less",
            Self::Missing(_) => "missing",
        })
    }
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            found: found.into(),
            costs: None,
            fix: None,
        }
    }

    fn less(name: &'static str, found: impl Into<String>, costs: &str) -> Self {
        Self {
            state: State::Less,
            costs: Some(costs.to_owned()),
            ..Self::ok(name, found)
        }
    }

    fn missing(exit: Exit, name: &'static str, found: impl Into<String>, costs: &str) -> Self {
        Self {
            state: State::Missing(exit),
            costs: Some(costs.to_owned()),
            ..Self::ok(name, found)
        }
    }

    #[must_use]
    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// Examines this host, and a process if one is given.
pub fn examine(pid: Option<u32>, inspect: &Inspect<'_>) -> Examination {
    let host = host::checks(&Facts::gather(&ProcFs::host()));
    let target = pid.map_or_else(Vec::new, |pid| target::checks(pid, inspect));
    Examination::of(host, target)
}

/// Fails with the first thing that keeps this host from profiling at all.
pub fn require_host() -> Result<(), Failure> {
    let host = host::checks(&Facts::gather(&ProcFs::host()));
    match Examination::of(host, Vec::new()).failure() {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

impl Examination {
    fn of(host: Vec<Check>, target: Vec<Check>) -> Self {
        let exit_code = first_missing(&host, &target).map_or(0, |(_, exit)| exit as u8);
        Self {
            schema: "rtprobe.doctor/v1",
            possible: exit_code == 0,
            exit_code,
            host,
            target,
        }
    }

    /// Returns what keeps profiling from being possible.
    pub fn failure(&self) -> Option<Failure> {
        let (check, exit) = first_missing(&self.host, &self.target)?;
        let costs = check.costs.clone().unwrap_or_default();
        let mut failure =
            Failure::new(exit, costs).found(format!("{}: {}", check.name, check.found));
        failure.try_.clone_from(&check.fix);
        Some(failure)
    }
}

/// A target that is gone or no Go program is not mended by any privilege: it comes first.
fn first_missing<'a>(host: &'a [Check], target: &'a [Check]) -> Option<(&'a Check, Exit)> {
    let missing = |check: &'a Check| match check.state {
        State::Missing(exit) => Some((check, exit)),
        State::Ok | State::Less => None,
    };
    let of_target = target.iter().find_map(missing);
    of_target
        .filter(|(_, exit)| *exit != Exit::NoPrivilege)
        .or_else(|| host.iter().find_map(missing))
        .or(of_target)
}

#[cfg(test)]
mod tests;
