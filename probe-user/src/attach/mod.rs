//! Plan and target in, attachment out: loads the kernel programs, attaches them, and takes them off again.
//!
//! One link per logical probe, so that a probe can be dropped alone. Nothing is pinned: when
//! this process ends, however it ends, the kernel closes the links and restores the target's bytes.

mod diagnostics;
mod load;
mod mode;
mod samples;
mod verify;

use std::{
    fs::File,
    io,
    num::NonZeroU32,
    os::fd::{AsFd as _, AsRawFd as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use aya::{
    EbpfError,
    maps::MapData,
    programs::{
        ProgramError,
        uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope},
    },
};
use diagnostics::Diagnostics;
pub use load::{BPF_HASH, LoadRequest, Loaded, Maps, load};
pub use mode::{MAX_SITES_PER_SITE_MODE, Mode};
use probe_ebpf::abi;
pub use samples::{HERTZ, Sampler};
use verify::{SiteState, state_of};

use crate::{
    address::{LoadBias, ProcAddr},
    bpf_batch,
    discover::Target,
    plan::{PlannedSite, ProbeName, ProbePlan},
};

/// Why attaching failed as a whole. What concerns one probe only is in [`Attachment::refused`].
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error("failed to load the kernel programs")]
    Load { source: Box<EbpfError> },
    #[error("the kernel refused the program")]
    Program { source: ProgramError },
    #[error("the object of the kernel programs has no `{missing}`")]
    Object { missing: &'static str },
    #[error("failed to fill map `{name}`")]
    Map {
        name: &'static str,
        source: io::Error,
    },
    #[error("failed to read which CPUs are online")]
    Cpus { source: io::Error },
    #[error("failed to read the target's memory at {address}")]
    Memory {
        address: ProcAddr,
        source: io::Error,
    },
    #[error(
        "{function} at {address} is not what the file says: expected {expected}, found {found}"
    )]
    TextDiffers {
        function: String,
        address: ProcAddr,
        expected: String,
        found: String,
    },
    #[error("{n_unarmed} of {n_sites} sites are not armed, the first is {function} at {address}")]
    NotArmed {
        n_unarmed: usize,
        n_sites: usize,
        function: String,
        address: ProcAddr,
    },
}

/// The programs, attached. Dropping it detaches them.
#[derive(Debug)]
pub struct Attachment {
    links: Vec<(ProbeName, UProbeLink)>,
    maps: Maps,
    window: MapData,
    /// Keeps the programs loaded.
    _programs: aya::Ebpf,
    /// Probes that could not be attached, and why.
    pub refused: Vec<(ProbeName, String)>,
    pub attach_time: Duration,
    pub mode: Mode,
    diagnostics: Diagnostics,
}

/// Result of taking everything off.
#[derive(Debug)]
pub struct Detached {
    pub maps: Maps,
    pub detach_time: Duration,
}

impl Loaded {
    /// Attaches every planned probe to process `pid`, which runs `exe` or is about to.
    pub fn attach(
        mut self,
        plan: &ProbePlan,
        exe: &File,
        pid: NonZeroU32,
    ) -> Result<Attachment, AttachError> {
        let started = Instant::now();
        // The descriptor's own path: the same file even if the process executes another one meanwhile.
        let path = PathBuf::from(format!("/proc/self/fd/{}", exe.as_raw_fd()));
        let mut links = Vec::new();
        let mut refused = Vec::new();
        let mut cookie = 0_u64;
        for probe in &plan.probes {
            let first = cookie;
            cookie += probe.sites().len() as u64;
            if probe.sites().is_empty() {
                continue;
            }
            if self.mode == Mode::PerSite && cookie as usize > MAX_SITES_PER_SITE_MODE {
                let limit = MAX_SITES_PER_SITE_MODE;
                refused.push((
                    probe.name,
                    format!(
                        "this kernel attaches site by site, and takes each off in about 0.1 s: \
                         no more than {limit} are attached; choose probes with --only"
                    ),
                ));
                continue;
            }
            match self.attach_sites(first, probe.sites(), &path, pid) {
                Ok(link) => links.push((probe.name, link)),
                Err(error) => {
                    refused.push((probe.name, format!("{:#}", anyhow::Error::from(error))));
                }
            }
        }
        Ok(Attachment {
            links,
            diagnostics: Diagnostics::of(&mut self.programs),
            maps: self.maps,
            window: self.window,
            _programs: self.programs,
            refused,
            attach_time: started.elapsed(),
            mode: self.mode,
        })
    }

    fn attach_sites(
        &mut self,
        first_cookie: u64,
        sites: &[PlannedSite],
        path: &Path,
        pid: NonZeroU32,
    ) -> Result<UProbeLink, AttachError> {
        let failed = |source| AttachError::Program { source };
        let points = (first_cookie..)
            .zip(sites)
            .map(|(cookie, site)| UProbeAttachPoint {
                location: UProbeAttachLocation::AbsoluteOffset(site.file_offset.0),
                cookie: Some(cookie),
            });
        let program = load::program(&mut self.programs)?;
        let id = program
            .attach(points, path, UProbeScope::OneProcess(pid))
            .map_err(failed)?;
        program.take_link(id).map_err(failed)
    }
}

/// Checks that the target's text is what the plan was made from. To be called before attaching.
///
/// Returns the addresses that another tool has armed already.
pub fn check_text(
    plan: &ProbePlan,
    target: &Target,
    bias: LoadBias,
) -> Result<Vec<ProcAddr>, AttachError> {
    let mut armed = Vec::new();
    for site in plan.sites() {
        if state_of(target, bias, site)? == SiteState::Armed {
            armed.push(site.vaddr.in_process(bias));
        }
    }
    Ok(armed)
}

impl Attachment {
    /// Returns the maps that the programs write.
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// Opens the window: from here on operations that begin are counted, in all probes at once.
    pub fn open_window(&mut self) -> Result<(), AttachError> {
        set_window(&self.window, abi::window::OPEN)
    }

    /// Passes on what the kernel programs have said since the last call.
    pub fn flush_diagnostics(&mut self) {
        self.diagnostics.flush();
    }

    /// Returns whether the probe is attached.
    pub fn is_attached(&self, probe: ProbeName) -> bool {
        self.links.iter().any(|(name, _)| *name == probe)
    }

    /// Checks that every attached site is armed in the target: the kernel accepts sites that never fire, for
    /// instance in text that is not backed by the file.
    pub fn check_armed(
        &self,
        plan: &ProbePlan,
        target: &Target,
        bias: LoadBias,
    ) -> Result<(), AttachError> {
        let attached: Vec<&PlannedSite> = plan
            .sites()
            .filter(|site| self.is_attached(site.probe))
            .collect();
        let mut unarmed = Vec::new();
        for site in &attached {
            if state_of(target, bias, site)? != SiteState::Armed {
                unarmed.push(*site);
            }
        }
        match unarmed.first() {
            None => Ok(()),
            Some(first) => Err(AttachError::NotArmed {
                n_unarmed: unarmed.len(),
                n_sites: attached.len(),
                function: first.function.clone(),
                address: first.vaddr.in_process(bias),
            }),
        }
    }

    /// Takes everything off, all links side by side: each waits for a grace period of the kernel, and they
    /// can share it.
    pub fn detach(self) -> Detached {
        let started = Instant::now();
        if let Err(error) = set_window(&self.window, abi::window::CLOSED) {
            log::warn!(
                "operations that begin while the probes go off will look as if they never ended: {error}"
            );
        }
        thread::scope(|scope| {
            for link in self.links {
                scope.spawn(move || drop(link));
            }
        });
        Detached {
            maps: self.maps,
            detach_time: started.elapsed(),
        }
    }
}

fn set_window(map: &MapData, state: u32) -> Result<(), AttachError> {
    bpf_batch::write_array(map.fd().as_fd(), &[state]).map_err(|source| AttachError::Map {
        name: abi::WINDOW,
        source,
    })
}

/// Returns how many sites hold a breakpoint that was not there before. To be called after detaching.
pub fn count_left_behind(
    plan: &ProbePlan,
    target: &Target,
    bias: LoadBias,
    armed_before: &[ProcAddr],
) -> Result<usize, AttachError> {
    let mut left = 0;
    for site in plan.sites() {
        let armed_before = armed_before.contains(&site.vaddr.in_process(bias));
        if state_of(target, bias, site)? == SiteState::Armed && !armed_before {
            left += 1;
        }
    }
    Ok(left)
}
