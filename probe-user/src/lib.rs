//! rtprobe as a library, in the order of its pipeline:
//!
//! ```text
//! discover → analyze → plan → attach → [kernel: probe-ebpf] → drain → aggregate → symbolize → diagnose → render
//! ```
//!
//! Each stage turns one named value into the next and never reaches back. Only `discover`, `attach` and
//! `drain` touch the world; everything right of `drain` also runs from a recording, without root.

pub mod address;
pub mod cli;
pub mod escape;
pub mod failure;
pub mod report;
