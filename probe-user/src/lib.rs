//! rtprobe as a library, in the order of its pipeline:
//!
//! ```text
//! discover → analyze → plan → attach → [kernel: probe-ebpf] → drain → aggregate → symbolize → diagnose → render
//! ```
//!
//! Each stage turns one named value into the next and never reaches back. Only `discover`, `attach` and
//! `drain` touch the world; everything right of `drain` also runs from a recording, without root.

pub mod address;
pub mod aggregate;
pub mod analyze;
#[cfg(feature = "kernel")]
pub mod attach;
#[cfg(feature = "kernel")]
mod bpf_batch;
pub mod discover;
#[cfg(feature = "kernel")]
pub mod drain;
pub mod histogram;
pub mod plan;
pub mod recording;
pub mod report;
pub mod summary;
pub mod symbolize;
