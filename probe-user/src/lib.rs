//! rtprobe as a library, in the order of its pipeline:
//!
//! ```text
//! discover → analyze → plan → attach → [kernel: probe-ebpf] → drain → aggregate → symbolize → diagnose → render
//! ```
//!
//! Each stage turns one named value into the next and never reaches back. Only `discover`, `attach` and
//! `drain` touch the world, and `state`, which reads the target's memory; everything right of `drain` also
//! runs from a recording, without root.

pub mod discover;

pub mod analyze;

pub mod state;

pub mod plan;

#[cfg(feature = "kernel")]
pub mod attach;

pub mod govern;

pub mod forecast;

#[cfg(feature = "kernel")]
pub mod drain;

#[cfg(feature = "kernel")]
pub mod calibrate;

pub mod aggregate;

pub mod symbolize;

pub mod diagnose;

pub mod samples;

pub mod recording;

mod allocated;
mod estimate;
mod size_class;
pub mod summary;

pub mod doctor;
pub mod ps;

pub mod render;

pub mod cli;
#[cfg(feature = "kernel")]
pub mod session;

pub mod address;
#[cfg(feature = "kernel")]
mod bpf_batch;
pub mod escape;
pub mod failure;
pub mod generic;
pub mod histogram;
pub mod inspect;
pub mod kernel;
pub mod observed;
pub mod output;
pub mod report;
pub mod sys;
