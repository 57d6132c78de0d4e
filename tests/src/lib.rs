//! What the tests and `cargo xtask` share: building the Go programs below `tests/targets`.

pub mod figures;
pub mod go;
