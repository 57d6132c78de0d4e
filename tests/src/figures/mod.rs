//! What `cargo xtask bench` makes its tables with.

pub mod marks;
pub mod parts;
pub mod stats;
pub mod table;
