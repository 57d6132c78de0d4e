//! What the tests share: Go programs as targets, what a test needs of its machine, rtprobe as a command.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "helpers of tests fail the test that calls them"
)]

#[cfg(feature = "kernel")]
mod attached;
mod browser;
mod command;
mod needs;
mod process;
mod quiet;
mod sums;
mod target;
mod text;
mod truth;
mod watch;

#[cfg(feature = "kernel")]
pub(crate) use attached::attached;
pub(crate) use browser::Browser;
pub(crate) use command::{binary, report, rtprobe};
pub(crate) use needs::{
    Toolchain, require_c, require_command, require_go, require_root, require_root_alone,
    require_server,
};
pub(crate) use process::{END, Ended, Process, signal};
pub(crate) use sums::{assert_sums, has_no_duration, may_have_no_duration};
pub(crate) use target::GoTarget;
pub(crate) use text::{differing_bytes, wait_until_restored};
pub(crate) use truth::{Truth, TruthLatency, TruthSite};
pub(crate) use watch::Watch;
