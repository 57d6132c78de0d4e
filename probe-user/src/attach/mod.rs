//! Plan and target in, attachment out: loads the kernel programs, attaches them, and takes them off again.
//!
//! One link per logical probe, so that a probe can be dropped alone. The links belong to the [`holder`], a
//! small process that closes them when this one ends or stops, however it does. Nothing is pinned.

mod diagnostics;
mod gates;
mod heart;
pub mod holder;
mod link;
mod load;
mod mode;
mod samples;
mod scheduler;
mod ticks;
mod verify;

use std::{
    collections::BTreeSet,
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
use heart::Heart;
pub(crate) use holder::{Cause, ClosedWindow, Event, Passed, Window};
use holder::{Holder, Tools};
pub(crate) use link::LinkSpec;
pub use load::{BPF_HASH, Bias, LoadRequest, Loaded, Maps, OwnSites, Roles, load};
pub use mode::{MAX_SITES_PER_SITE_MODE, Mode};
pub use samples::{HERTZ, Sampler};
pub(crate) use scheduler::{Scheduler, Steps};
use ticks::Clock;
pub(crate) use ticks::Ticker;
pub use ticks::{Found, Ticks};
use verify::{SiteState, state_of};

use crate::{
    address::{LoadBias, ProcAddr},
    discover::Target,
    govern::Room,
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
    #[error("failed to talk to the process that holds the probes: they are off")]
    Holder { source: io::Error },
    #[error("the kernel refused to arm the sites")]
    Link { source: io::Error },
    #[error("failed to fill map `{name}`")]
    Map {
        name: &'static str,
        source: io::Error,
    },
    #[error("failed to make a clock of the CPUs")]
    Clock { source: io::Error },
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

/// The programs, attached or about to be. Dropping it detaches them.
#[derive(Debug)]
pub struct Attachment {
    links: Links,
    /// Probes that are on.
    on: BTreeSet<u8>,
    maps: Maps,
    gates: Gates,
    heart: Option<Heart>,
    /// Keeps the programs loaded.
    _programs: aya::Ebpf,
    /// Probes that could not be attached, and why.
    pub refused: Vec<(ProbeName, String)>,
    pub attach_time: Duration,
    pub mode: Mode,
    diagnostics: Diagnostics,
}

/// Whose the links are.
#[derive(Debug)]
enum Links {
    Held(Holder),
    /// This process's own: what is made of perf events can't be handed over.
    Own(Vec<(u8, Link)>),
}

/// How long putting on may take.
const ATTACH_PATIENCE: Duration = Duration::from_secs(10);

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
    pub(crate) gates: Gates,
    /// Windows that were still open.
    pub(crate) events: Vec<Event>,
    /// The process that held the links did not do as it was told: it was killed, and the kernel took them off.
    pub(crate) was_killed: bool,
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
                Ok(link) => links.push((spec.probe, link)),
                Err(error) => refused.push((name, format!("{:#}", anyhow::Error::from(error)))),
            }
        }
        let mut attachment = self.into_attachment(Links::Own(Vec::new()));
        attachment.on = links.iter().map(|(probe, _)| *probe).collect();
        attachment.links = Links::Own(links);
        attachment.refused = refused;
        attachment.attach_time = started.elapsed();
        Ok(attachment)
    }

    /// Makes everything ready to attach the planned probes one by one, see [`Attachment::open`]. `scheduler`: that of the
    /// target, as far as it is known. Where the kernel attaches site by site they are all attached now.
    pub(crate) fn hold(
        mut self,
        plan: &ProbePlan,
        exe: &File,
        pid: NonZeroU32,
        scheduler: Scheduler,
    ) -> Result<Attachment, AttachError> {
        if self.mode == Mode::PerSite {
            return self.attach(plan, exe, pid);
        }
        let links = LinkSpec::all(plan, pid.get(), self.mode);
        // Without it less is known of what the probes slow down.
        let clock = self.clock(pid.get(), None).unwrap_or_default();
        let program = load::program(&mut self.programs)?.fd();
        let program = program.map_err(|source| AttachError::Program { source })?;
        let tools = Tools {
            program: program.as_fd(),
            exe,
            clock: &clock,
            ticks: self.ticks_map.fd().as_fd(),
            gates: self.gates_map.fd().as_fd(),
            pulse: self.pulse_map.fd().as_fd(),
            shut: self.shut_map.fd().as_fd(),
        };
        let holder = Holder::start(&tools, pid.get(), scheduler, links)
            .map_err(|source| AttachError::Holder { source })?;
        Ok(self.into_attachment(Links::Held(holder)))
    }

    fn into_attachment(mut self, links: Links) -> Attachment {
        Attachment {
            heart: matches!(links, Links::Held(_)).then(|| Heart::start(self.pulse)),
            links,
            on: BTreeSet::new(),
            diagnostics: Diagnostics::of(&mut self.programs),
            maps: self.maps,
            gates: self.gates,
            _programs: self.programs,
            refused: Vec::new(),
            attach_time: Duration::ZERO,
            mode: self.mode,
        }
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

    pub(crate) fn mode(&self) -> Mode {
        self.mode
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

    /// Opens the windows of all probes that are on: from here on operations that begin are counted.
    pub fn open_window(&self) {
        for probe in &self.on {
            self.gates.open(*probe, Room::UNLIMITED);
        }
    }

    /// Returns the windows of all probes.
    pub(crate) fn gates(&self) -> &Gates {
        &self.gates
    }

    /// Attaches a probe and opens its window. What comes of it is told by [`events`](Self::events).
    pub(crate) fn open(&mut self, probe: ProbeName, window: Window) -> Result<(), AttachError> {
        match &mut self.links {
            Links::Held(holder) => holder
                .open(probe.index(), window)
                .map_err(|source| AttachError::Holder { source }),
            Links::Own(_) => {
                self.gates.open(probe.index(), window.room);
                Ok(())
            }
        }
    }

    /// Returns whether no probe was put on so far.
    pub(crate) fn is_unattended(&self) -> bool {
        self.on.is_empty() && self.refused.is_empty()
    }

    /// Returns whether probes can come on again after they went off, in next to no time.
    pub(crate) fn can_reopen(&self) -> bool {
        matches!(self.links, Links::Held(_))
    }

    /// Attaches every planned probe, each with that much room, and returns when all are on or
    /// refused.
    pub(crate) fn open_all(&mut self, plan: &ProbePlan, room: Room) -> Result<(), AttachError> {
        if matches!(self.links, Links::Own(_)) {
            for probe in &self.on {
                self.gates.open(*probe, room);
            }
            return Ok(());
        }
        let started = Instant::now();
        let mut waiting = BTreeSet::new();
        for probe in plan.probes.iter().filter(|probe| !probe.sites().is_empty()) {
            self.open(probe.name, Window::staying(room))?;
            waiting.insert(probe.name.index());
        }
        while !waiting.is_empty() && started.elapsed() < ATTACH_PATIENCE {
            for event in self.events(ATTACH_PATIENCE)? {
                waiting.remove(&event.probe());
            }
        }
        self.attach_time = started.elapsed();
        Ok(())
    }

    /// Detaches a probe.
    pub(crate) fn close(&mut self, probe: ProbeName) -> Result<(), AttachError> {
        let index = probe.index();
        match &mut self.links {
            Links::Held(holder) => holder
                .close(index)
                .map_err(|source| AttachError::Holder { source }),
            Links::Own(links) => {
                self.gates.close(index);
                self.on.remove(&index);
                // Each site takes its time, during which everything else has to go on.
                let gone = links.extract_if(.., |(of, _)| *of == index);
                let gone: Vec<_> = gone.collect();
                thread::spawn(move || drop(gone));
                Ok(())
            }
        }
    }

    /// Returns what has become of probes since the last call; waits for something, at most so long.
    pub(crate) fn events(&mut self, patience: Duration) -> Result<Vec<Event>, AttachError> {
        let Links::Held(holder) = &mut self.links else {
            return Ok(Vec::new());
        };
        let events = holder
            .wait(patience)
            .map_err(|source| AttachError::Holder { source })?;
        for event in &events {
            self.note(event);
        }
        Ok(events)
    }

    /// Returns what becomes readable when there are [`events`](Self::events) that nobody expects; `None`: there are
    /// none, ever.
    pub(crate) fn told(&self) -> io::Result<Option<OwnedFd>> {
        match &self.links {
            Links::Held(holder) => holder.as_fd().try_clone_to_owned().map(Some),
            Links::Own(_) => Ok(None),
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Opened { probe, .. } => {
                self.on.insert(*probe);
            }
            Event::Closed { probe, .. } => {
                self.on.remove(probe);
            }
            Event::Refused { probe, reason } => {
                let name = ProbeName::from_index(*probe);
                self.refused.extend(name.map(|name| (name, reason.clone())));
            }
        }
    }

    /// Returns how long nothing was counted because this process was stopped.
    pub(crate) fn quiet(&self) -> Duration {
        self.heart.as_ref().map_or(Duration::ZERO, Heart::quiet)
    }

    /// Returns the CPU time that the process took which holds the links.
    pub(crate) fn holder_cpu_time(&self) -> Duration {
        match &self.links {
            Links::Held(holder) => holder.cpu_time(),
            Links::Own(_) => Duration::ZERO,
        }
    }

    /// Passes on what the kernel programs have said since the last call.
    pub fn flush_diagnostics(&mut self) {
        self.diagnostics.flush();
    }

    /// Returns whether the probe is attached.
    pub fn is_attached(&self, probe: ProbeName) -> bool {
        self.on.contains(&probe.index())
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
        for probe in &self.on {
            self.gates.close(*probe);
        }
        let (events, was_killed) = match self.links {
            Links::Held(holder) => holder.end(),
            Links::Own(links) => {
                thread::scope(|scope| {
                    for (_, link) in links {
                        scope.spawn(move || drop(link));
                    }
                });
                (Vec::new(), false)
            }
        };
        Detached {
            maps: self.maps,
            gates: self.gates,
            events,
            was_killed,
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
