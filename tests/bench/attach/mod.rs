//! `attach`: how long it takes until the probes are on and off again, and what rtprobe itself needs meanwhile.

mod sites;
mod size;

pub(crate) use sites::sites;
pub(crate) use size::sizes;
