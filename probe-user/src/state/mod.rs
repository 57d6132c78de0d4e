//! A running target to its state, without a probe: goroutines, counters, settings, limits.
//!
//! Everything is read from `/proc`, the cgroup and the target's memory, while the target runs on: nothing is
//! written, nobody waits. What takes several reads may be of different moments; where that could show
//! something that never was, it is read twice and compared. A target may be hostile: sizes, counts and the
//! time are bounded.

mod census;
mod goroutine;
mod memory;
mod names;
mod stacks;
mod wait_reasons;
mod walk;

use std::io;

use self::{census::Taker, memory::Memory, names::Names};
use crate::{address::LoadBias, analyze::GoBinary, discover::Target, observed::Census};

/// Why a part of the state can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the layout of `runtime.{of}` is not known for this Go version")]
    Layout { of: &'static str },
    #[error("the address of `runtime.{name}` was not found")]
    Variable { name: &'static str },
    #[error("failed to read `{what}` from the target's memory")]
    Memory {
        what: &'static str,
        source: io::Error,
    },
    #[error("`runtime.{what}` makes no sense: {found}")]
    Implausible { what: &'static str, found: String },
    #[error("the target ended or executed another program while it was read")]
    Gone,
}

impl StateError {
    /// Whether the system did not allow to look.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Memory { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether there is nobody to look at any more.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Gone => true,
            Self::Memory { source, .. } => source.raw_os_error() == Some(libc::ESRCH),
            _ => false,
        }
    }

    fn memory(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Memory { what, source }
    }
}

/// Takes a census of all goroutines of `target`, which runs `binary` with `bias`.
pub fn census(target: &Target, binary: &GoBinary, bias: LoadBias) -> Result<Census, StateError> {
    let memory = Memory::of(target, bias);
    let names = Names::of(binary);
    let census = Taker::new(&memory, binary, &names)?.take()?;
    if memory.is_of_target() {
        Ok(census)
    } else {
        Err(StateError::Gone)
    }
}
