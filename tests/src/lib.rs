//! What the tests and `cargo xtask` share: building the Go programs below `tests/targets`, and judging rtprobe by
//! those below `tests/exercises`.

pub mod exercises;
pub mod figures;
pub mod go;
pub mod servers;
