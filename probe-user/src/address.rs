//! The three kinds of address, and the only conversions between them.

use std::fmt;

/// An offset into the executable file; what a uprobe is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileOffset(pub u64);

/// A virtual address as stated in the ELF file, before the load bias.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtAddr(pub u64);

/// An address inside the running process: the virtual address plus the load bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcAddr(pub u64);

/// What the loader added to every virtual address of the executable; 0 unless it is a PIE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadBias(pub u64);

impl VirtAddr {
    /// Returns the address `offset` bytes further on, or `None` past the end of the address space.
    pub fn checked_add(self, offset: u64) -> Option<Self> {
        self.0.checked_add(offset).map(Self)
    }

    /// Returns where this address is in a process with the given load bias.
    pub fn in_process(self, bias: LoadBias) -> ProcAddr {
        ProcAddr(self.0.wrapping_add(bias.0))
    }
}

impl ProcAddr {
    /// Returns the address as stated in the file, for a process with the given load bias.
    pub fn in_file(self, bias: LoadBias) -> VirtAddr {
        VirtAddr(self.0.wrapping_sub(bias.0))
    }
}

macro_rules! hex {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:#x}", self.0)
            }
        }
    )*};
}
hex!(FileOffset, VirtAddr, ProcAddr, LoadBias);
