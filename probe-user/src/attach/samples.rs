//! The sampling program on every CPU, by the software clock: that one ticks in virtual machines too.

use aya::{
    Ebpf,
    maps::MapData,
    programs::{
        PerfEvent,
        perf_event::{PerfEventConfig, PerfEventLink, PerfEventScope, SamplePolicy, SoftwareEvent},
    },
    util::online_cpus,
};
use probe_ebpf::abi;

use super::{AttachError, Loaded, load::take};

/// Samples a second and CPU, where they may cost so much. Not a round number, so that it does not march in step with timers of the target.
pub const HERTZ: u32 = 99;

const NS_PER_S: u64 = 1_000_000_000;

/// Stacks of one CPU that there is room for: ten seconds of samples that all differ.
const STACKS_PER_CPU: u32 = 1024;
/// Stacks at most: 36 MB of the kernel's memory.
const MAX_STACKS: u32 = 1 << 16;

/// The sampling program, on. Dropping it takes it off.
#[derive(Debug)]
pub struct Sampler {
    links: Vec<PerfEventLink>,
    pub(crate) hertz: u32,
    pub(crate) stacks: MapData,
    pub(crate) counters: MapData,
    pub(crate) roles: MapData,
}

impl Loaded {
    /// Begins to sample, so many times a second. To be called once.
    pub fn sample(&mut self, hertz: u32) -> Result<Sampler, AttachError> {
        let failed = |source| AttachError::Program { source };
        let stacks = take(&mut self.programs, abi::STACKS)?;
        let counters = take(&mut self.programs, abi::SAMPLE_COUNTERS)?;
        let roles = take(&mut self.programs, abi::SAMPLED)?;
        let program = program(&mut self.programs)?;
        program.load().map_err(failed)?;
        let clock = PerfEventConfig::Software(SoftwareEvent::CpuClock);
        let period = SamplePolicy::Period(NS_PER_S / u64::from(hertz.max(1)));
        let mut links = Vec::new();
        for cpu in online_cpus().map_err(|(_, source)| AttachError::Cpus { source })? {
            let scope = PerfEventScope::AllProcessesOneCpu { cpu };
            let id = program
                .attach(clock, scope, period, false)
                .map_err(failed)?;
            links.push(program.take_link(id).map_err(failed)?);
        }
        Ok(Sampler {
            links,
            hertz,
            stacks,
            counters,
            roles,
        })
    }
}

impl Sampler {
    /// Ends the sampling; what was counted can still be read.
    pub fn stop(&mut self) {
        self.links.clear();
    }
}

/// Returns how many stacks the maps shall hold on this host.
pub(super) fn room_for_stacks() -> u32 {
    let cpus = online_cpus().map_or(1, |cpus| cpus.len() as u32);
    cpus.saturating_mul(STACKS_PER_CPU)
        .clamp(abi::MIN_SAMPLED_STACKS, MAX_STACKS)
}

fn program(programs: &mut Ebpf) -> Result<&mut PerfEvent, AttachError> {
    programs
        .program_mut(abi::SAMPLE_PROGRAM)
        .and_then(|program| program.try_into().ok())
        .ok_or(AttachError::Object {
            missing: abi::SAMPLE_PROGRAM,
        })
}
