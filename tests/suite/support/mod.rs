//! What the tests share: Go programs as targets, what a test needs of its machine, rtprobe as a command.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail the test that calls them"
)]

mod command;
mod needs;
mod target;
mod truth;

pub(crate) use command::{Watch, report, rtprobe};
pub(crate) use needs::{Toolchain, require_c, require_go, require_root};
pub(crate) use target::GoTarget;
pub(crate) use truth::{Truth, TruthSite};
