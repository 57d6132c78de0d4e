//! What the kernel programs say, in the build that lets them: `cargo xtask build --log`.

use std::fmt;

/// Reads the programs' diagnostics. In the normal build there are none.
pub(super) struct Diagnostics {
    #[cfg(feature = "bpf-log")]
    logger: Option<aya_log::EbpfLogger<&'static dyn log::Log>>,
}

impl Diagnostics {
    #[cfg(feature = "bpf-log")]
    pub(super) fn of(programs: &mut aya::Ebpf) -> Self {
        let logger = aya_log::EbpfLogger::init(programs)
            .inspect_err(|error| log::warn!("no diagnostics of the kernel programs: {error}"))
            .ok();
        Self { logger }
    }

    #[cfg(not(feature = "bpf-log"))]
    pub(super) fn of(_: &mut aya::Ebpf) -> Self {
        Self {}
    }

    /// Passes on what was said since the last call.
    #[cfg(feature = "bpf-log")]
    pub(super) fn flush(&mut self) {
        if let Some(logger) = &mut self.logger {
            logger.flush();
        }
    }

    #[cfg(not(feature = "bpf-log"))]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "as in the other build"
    )]
    pub(super) fn flush(&mut self) {}
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diagnostics").finish_non_exhaustive()
    }
}
