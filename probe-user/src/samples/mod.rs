//! Sampled addresses in, named stacks out, and what they say of where CPU time goes.

mod groups;
mod naming;
mod probing;
mod summary;

pub use groups::{Group, group_of};
pub use naming::{Naming, name};
pub use probing::Probing;
pub use summary::summarize;

use std::collections::BTreeMap;

use crate::observed::SampledRole;

/// What the sampling program counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawSamples {
    /// Samples that found a thread of the target on a CPU.
    pub total: u64,
    /// Of those, the ones without room for their stack.
    pub lost: u64,
    /// What they found, by role of the goroutine (`probe_ebpf::abi::role_of`).
    pub roles: BTreeMap<u16, SampledRole>,
    pub stacks: Vec<RawStack>,
}

/// A stack as the kernel found it, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawStack {
    pub samples: u64,
    /// Whether the thread was in the kernel.
    pub in_kernel: bool,
    /// The words at `rsp` and `rsp + 8` where they may be return addresses, else 0.
    pub top: [u64; 2],
    /// Addresses in the process: the interrupted one, then return addresses, innermost first.
    pub frames: Vec<u64>,
}
