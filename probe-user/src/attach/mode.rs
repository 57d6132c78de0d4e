//! How sites are attached on this kernel.

use std::io;

use crate::kernel::{self, UprobeMulti};

/// How sites are attached on a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One `uprobe.multi` link per probe (Linux 6.6).
    Multi,
    /// The same, for all processes of the file and told apart in the program: the kernel's filter takes one
    /// thread for the process (Linux 6.6 to 6.9 without the fix 46ba0e49b642).
    MultiUnfiltered,
    /// One perf event per site. Taking them off costs about 0.1 s per site.
    PerSite,
}

/// Sites that are attached at most one by one: taking more off would take longer than anybody waits.
pub const MAX_SITES_PER_SITE_MODE: usize = 64;

impl Mode {
    /// Asks the kernel.
    ///
    /// # Errors
    ///
    /// The kernel's, when it refuses even a program that does nothing.
    pub fn of_this_kernel() -> io::Result<Self> {
        Ok(match kernel::uprobe_multi()? {
            UprobeMulti::Process => Self::Multi,
            UprobeMulti::Thread => Self::MultiUnfiltered,
            UprobeMulti::Absent => Self::PerSite,
        })
    }

    /// Returns whether probes can come on again after they went off, in next to no time.
    pub fn can_reopen(self) -> bool {
        self != Self::PerSite
    }

    /// Returns the name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multi | Self::MultiUnfiltered => "uprobe_multi",
            Self::PerSite => "perf_event",
        }
    }
}
