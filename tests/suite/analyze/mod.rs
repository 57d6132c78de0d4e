//! The analyzer against Go's own tools on real binaries, and against hostile ones.
#![expect(
    clippy::print_stderr,
    reason = "helpers of tests report figures and reasons"
)]

mod edited; // programs without what linkers may leave out, and of versions to come
mod facts; // layouts and origins against what is known otherwise
mod go_build; // builds the program under test
mod oracle; // what Go's own tools say
mod versions; // every version in every kind of build
