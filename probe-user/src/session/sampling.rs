//! CPU samples beside the probes: they may fail, and the run goes on without them.

use super::budget_share;
use crate::{
    address::LoadBias,
    analyze::GoBinary,
    attach::{HERTZ, Loaded, Sampler},
    cli::RecordConfig,
    discover::{CodeMap, Target},
    drain,
    observed::CpuSamples,
    plan::ProbePlan,
    samples::{self, Naming, Probing},
};

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
    /// Begins to sample where the budget is more than nothing.
    pub(super) fn begin(loaded: &mut Loaded, config: &RecordConfig) -> Self {
        if budget_share(&config.max_overhead) == Some(0.0) {
            return Self::Off;
        }
        Self::of(loaded)
    }

    /// Begins to sample.
    pub(super) fn of(loaded: &mut Loaded) -> Self {
        match loaded.sample() {
            Ok(sampler) => Self::On(Box::new(sampler)),
            Err(error) => Self::Failed(format!("{:#}", anyhow::Error::from(error))),
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
        Ok(Some(samples::name(&raw, HERTZ, &naming)))
    }
}
