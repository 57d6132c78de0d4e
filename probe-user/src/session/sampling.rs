//! CPU samples beside the probes: they may fail, and the run goes on without them.

use super::budget_share;
use crate::{
    address::LoadBias,
    analyze::GoBinary,
    attach::{HERTZ, Loaded, Sampler},
    cli::RecordConfig,
    discover::{CodeMap, Target},
    drain,
    govern::Costs,
    observed::CpuSamples,
    plan::ProbePlan,
    samples::{self, Naming, Probing},
};

/// The part of the budget that samples may take, and how many there are at least.
const PART: f64 = 0.25;
const LEAST_HERTZ: u32 = 19;

/// The samples of one run.
#[derive(Debug, Default)]
pub(super) enum Sampling {
    /// Not asked for: a budget of 0 leaves no room for them.
    #[default]
    Off,
    On(Box<Sampler>),
    /// Why there are none.
    Failed(String),
}

impl Sampling {
    /// Begins to sample where the budget is more than nothing, less often where it is little and interrupts are dear.
    pub(super) fn begin(loaded: &mut Loaded, config: &RecordConfig, costs: &Costs) -> Self {
        match budget_share(&config.max_overhead) {
            None => Self::of(loaded, HERTZ),
            Some(0.0) => Self::Off,
            Some(share) if share < costs.of_samples(LEAST_HERTZ) => Self::Failed(format!(
                "{LEAST_HERTZ} a second alone would take more of the target's CPU time than --max-overhead allows"
            )),
            Some(share) => {
                let affordable = share * PART / costs.of_samples(1).max(f64::MIN_POSITIVE);
                Self::of(loaded, (affordable as u32).clamp(LEAST_HERTZ, HERTZ))
            }
        }
    }

    /// Begins to sample, so many times a second.
    pub(super) fn of(loaded: &mut Loaded, hertz: u32) -> Self {
        match loaded.sample(hertz) {
            Ok(sampler) => Self::On(Box::new(sampler)),
            Err(error) => Self::Failed(format!("{:#}", anyhow::Error::from(error))),
        }
    }

    /// Returns how many samples there are a second.
    pub(super) fn hertz(&self) -> u32 {
        match self {
            Self::On(sampler) => sampler.hertz,
            Self::Off | Self::Failed(_) => 0,
        }
    }

    pub(super) fn stop(&mut self) {
        if let Self::On(sampler) = self {
            sampler.stop();
        }
    }

    /// Returns the samples, named; as an error, in a sentence, why there are none.
    pub(super) fn named(
        &self,
        binary: &GoBinary,
        plan: &ProbePlan,
        bias: LoadBias,
        target: Option<&Target>,
    ) -> Result<Option<CpuSamples>, String> {
        let sentence = |why: &str| format!("where CPU time goes: the samples failed, {why}");
        let sampler = match self {
            Self::Off => return Ok(None),
            Self::On(sampler) => sampler,
            Self::Failed(why) => return Err(sentence(why)),
        };
        let raw = drain::samples(sampler)
            .map_err(|error| sentence(&format!("{:#}", anyhow::Error::from(error))))?;
        let code = target.map_or_else(CodeMap::default, |target| CodeMap::of_pid(target.pid));
        let naming = Naming {
            binary,
            bias,
            code: &code,
            probing: &Probing::of(plan, binary),
        };
        Ok(Some(samples::name(&raw, sampler.hertz, &naming)))
    }
}
