//! What the tests share: Go programs as targets, what a test needs of its machine, rtprobe as a command.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail the test that calls them"
)]

mod command;
mod needs;
mod process;
mod target;
mod truth;
mod watch;

pub(crate) use command::{binary, report, rtprobe};
pub(crate) use needs::{Toolchain, require_c, require_go, require_root};
pub(crate) use process::{END, Process, signal};
pub(crate) use target::GoTarget;
pub(crate) use truth::{Truth, TruthSite};
pub(crate) use watch::Watch;
