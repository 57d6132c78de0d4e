//! Plan and target in, attachment out: loads the kernel programs, attaches them, and takes them off again.
//!
//! One link per logical probe, so that a probe can be dropped alone. Nothing is pinned: when
//! this process ends, however it ends, the kernel closes the links and restores the target's bytes.

mod diagnostics;
mod gates;
mod link;
mod load;
mod mode;
mod verify;

use std::{
    fs::File,
    io,
    num::NonZeroU32,
    os::fd::{AsFd as _, OwnedFd},
    thread,
    time::{Duration, Instant},
};

use aya::{
    EbpfError,
    programs::{
        ProgramError,
        uprobe::{UProbeAttachLocation, UProbeAttachPoint, UProbeLink, UProbeScope},
    },
};
use diagnostics::Diagnostics;
pub use gates::{Gates, Pulse, Traffic};
pub(crate) use link::LinkSpec;
pub use load::{BPF_HASH, Bias, LoadRequest, Loaded, Maps, load};
pub(crate) use load::{Settings, load_with};
pub use mode::{MAX_SITES_PER_SITE_MODE, Mode};
use verify::{SiteState, state_of};

use crate::{
    address::{LoadBias, ProcAddr},
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
    #[error("the kernel refused to arm the sites")]
    Link { source: io::Error },
    #[error("failed to fill map `{name}`")]
    Map {
        name: &'static str,
        source: io::Error,
    },
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
    links: Vec<(ProbeName, Link)>,
    maps: Maps,
    gates: Gates,
    /// Keeps the programs loaded.
    _programs: aya::Ebpf,
    /// Probes that could not be attached, and why.
    pub refused: Vec<(ProbeName, String)>,
    pub attach_time: Duration,
    pub mode: Mode,
    diagnostics: Diagnostics,
}

/// What keeps a probe on.
#[derive(Debug)]
#[expect(dead_code, reason = "what is held is taken off when it is dropped")]
pub(crate) enum Link {
    Multi(OwnedFd),
    PerSite(UProbeLink),
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
        let mut links = Vec::new();
        let mut refused = Vec::new();
        let mut n_sites = 0;
        for spec in LinkSpec::all(plan, pid.get(), self.mode) {
            let Some(name) = ProbeName::from_index(spec.probe) else {
                continue;
            };
            n_sites += spec.offsets.len();
            if self.mode == Mode::PerSite && n_sites > MAX_SITES_PER_SITE_MODE {
                refused.push((name, too_many_sites()));
                continue;
            }
            match self.attach_one(&spec, exe) {
                Ok(link) => links.push((name, link)),
                Err(error) => refused.push((name, format!("{:#}", anyhow::Error::from(error)))),
            }
        }
        Ok(Attachment {
            links,
            diagnostics: Diagnostics::of(&mut self.programs),
            maps: self.maps,
            gates: self.gates,
            _programs: self.programs,
            refused,
            attach_time: started.elapsed(),
            mode: self.mode,
        })
    }

    /// Arms the sites of one probe.
    pub(crate) fn attach_one(&mut self, spec: &LinkSpec, exe: &File) -> Result<Link, AttachError> {
        if self.mode != Mode::PerSite {
            let program = load::program(&mut self.programs)?.fd();
            let program = program.map_err(|source| AttachError::Program { source })?;
            return spec
                .attach(program.as_fd(), exe.as_fd())
                .map(Link::Multi)
                .map_err(|source| AttachError::Link { source });
        }
        let failed = |source| AttachError::Program { source };
        let points = spec.offsets.iter().zip(&spec.cookies);
        let points = points.map(|(&offset, &cookie)| UProbeAttachPoint {
            location: UProbeAttachLocation::AbsoluteOffset(offset),
            cookie: Some(cookie),
        });
        let pid = NonZeroU32::new(spec.pid as u32);
        let scope = pid.map_or(UProbeScope::AllProcesses, UProbeScope::OneProcess);
        let program = load::program(&mut self.programs)?;
        let path = link::path_of(exe.as_fd());
        let id = program.attach(points, path, scope).map_err(failed)?;
        program.take_link(id).map(Link::PerSite).map_err(failed)
    }

    /// Returns the windows of all probes.
    pub(crate) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// Returns the maps that the programs write.
    pub(crate) fn maps(&self) -> &Maps {
        &self.maps
    }
}

fn too_many_sites() -> String {
    format!(
        "this kernel attaches site by site, and takes each off in about 0.1 s: no more than \
         {MAX_SITES_PER_SITE_MODE} are attached; choose probes with --only"
    )
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
    pub fn open_window(&self) {
        for (name, _) in &self.links {
            self.gates.open(name.index(), u64::MAX);
        }
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
        for (name, _) in &self.links {
            self.gates.close(name.index());
        }
        thread::scope(|scope| {
            for link in self.links {
                scope.spawn(move || drop(link.1));
            }
        });
        Detached {
            maps: self.maps,
            detach_time: started.elapsed(),
        }
    }
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
