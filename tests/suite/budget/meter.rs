//! The program that does one thing as fast as it can or in bursts, and what it says about itself.

use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{GoTarget, require_go, require_root, require_root_alone};

/// What the program has done by one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    at_ns: u64,
    operations: u64,
    cpu_ns: u64,
}

impl Reading {
    /// Operations since `earlier`.
    pub(crate) fn operations_since(self, earlier: Self) -> u64 {
        self.operations - earlier.operations
    }

    /// Operations in a second since `earlier`.
    pub(crate) fn rate_since(self, earlier: Self) -> f64 {
        let ns = (self.at_ns - earlier.at_ns).max(1);
        self.operations_since(earlier) as f64 / ns as f64 * 1e9
    }

    /// Operations in a second of CPU time since `earlier`.
    pub(crate) fn speed_since(self, earlier: Self) -> f64 {
        let cpu_ns = (self.cpu_ns - earlier.cpu_ns).max(1);
        self.operations_since(earlier) as f64 / cpu_ns as f64 * 1e9
    }
}

/// Starts the program; `None` where there is no root or no Go.
#[track_caller]
pub(crate) fn start(what: &str) -> Option<GoTarget> {
    start_with(&["-do", what])
}

/// Starts the program with these arguments.
#[track_caller]
pub(crate) fn start_with(arguments: &[&str]) -> Option<GoTarget> {
    require_root()?;
    started(arguments)
}

/// The same while no other test takes the CPUs from it: where they do, windows see little and say so.
#[track_caller]
pub(crate) fn start_alone(arguments: &[&str]) -> Option<GoTarget> {
    require_root_alone()?;
    started(arguments)
}

#[track_caller]
fn started(arguments: &[&str]) -> Option<GoTarget> {
    let binary = require_go(NEWEST)?.build("flatout", Kind::Plain);
    Some(GoTarget::start(&binary, arguments))
}

/// Asks the program.
#[track_caller]
pub(crate) fn read(target: &mut GoTarget) -> Reading {
    target.begin();
    let line = target.wait_for("COUNT ");
    let number = |n: usize| line.split(' ').nth(n).unwrap().parse().unwrap();
    Reading {
        at_ns: number(1),
        operations: number(2),
        cpu_ns: number(3),
    }
}
