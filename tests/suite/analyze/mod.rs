//! The analyzer against Go's own tools on real binaries, and against hostile ones.
#![expect(
    clippy::print_stderr,
    reason = "helpers of tests report figures and reasons"
)]

mod go_build;
mod oracle;
mod versions;
