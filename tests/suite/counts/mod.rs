//! What rtprobe counts equals what the program counted itself: every call site, every probe, to the last one.

mod borrowed;
mod exact;
mod rate;
mod versions;

pub(crate) use exact::{assert_exact, watched};
