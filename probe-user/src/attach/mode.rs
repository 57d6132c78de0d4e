//! How a kernel attaches uprobes, found by asking it.

use std::io;

use crate::sys;

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
        let program = sys::bpf_load_empty_uprobe()?;
        let answer = |pid| sys::bpf_link_uprobe_multi(&program, c"/", pid).map(drop);
        Ok(Self::of_answers(&answer(0), &answer(-1)))
    }

    /// `any`: the answer to a link on a directory for all processes; `impossible`: the same for pid −1.
    ///
    /// A kernel with `uprobe.multi` looks at the file first (EBADF), one without knows no such link (EINVAL).
    /// The filter's fix came with a check of the pid (EINVAL); without it −1 is looked up (ESRCH). libbpf asks
    /// the same (src/features.c).
    fn of_answers(any: &io::Result<()>, impossible: &io::Result<()>) -> Self {
        let code =
            |answer: &io::Result<()>| answer.as_ref().err().and_then(io::Error::raw_os_error);
        match (code(any), code(impossible)) {
            (Some(libc::EBADF), Some(libc::EINVAL)) => Self::Multi,
            (Some(libc::EBADF), _) => Self::MultiUnfiltered,
            _ => Self::PerSite,
        }
    }

    /// Returns the name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Multi | Self::MultiUnfiltered => "uprobe_multi",
            Self::PerSite => "perf_event",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answers_tell_the_mode() {
        let errno = |code| Err(io::Error::from_raw_os_error(code));
        let mode = |any, impossible| Mode::of_answers(&errno(any), &errno(impossible));
        assert_eq!(mode(libc::EBADF, libc::EINVAL), Mode::Multi);
        assert_eq!(mode(libc::EBADF, libc::ESRCH), Mode::MultiUnfiltered);
        assert_eq!(mode(libc::EINVAL, libc::EINVAL), Mode::PerSite);
    }
}
