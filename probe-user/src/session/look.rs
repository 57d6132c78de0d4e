//! What is known of cost before the first probe is on: this host's prices, and a short look at the target.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{describe, sampling::Sampling, subject};
use crate::{
    address::LoadBias,
    analyze::GoBinary,
    attach::{self, HERTZ, LoadRequest, Loaded, Mode, Roles},
    calibrate::Bench,
    discover::{self, Target},
    forecast::{self, Candidate, Forecast, Look, Terms},
    govern::Costs,
    observed::{Calibration, CpuSamples, State},
    plan::{Outcome, ProbePlan},
    report::{Prediction, Rate, Site},
    state,
};

/// How long a target is looked at when nothing else is waited for.
const LOOK: Duration = Duration::from_millis(400);

/// A look that has begun.
#[derive(Debug)]
pub(super) struct Glance {
    began: Instant,
    state: State,
}

/// A look that is over.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) before: State,
    pub(super) after: State,
    pub(super) took: Duration,
    pub(super) samples: Option<CpuSamples>,
}

impl Glance {
    pub(super) fn at(target: &Target, binary: &GoBinary, bias: LoadBias) -> Self {
        let began = Instant::now();
        let state = state::glance(target, binary, bias, 0);
        Self { began, state }
    }

    /// Ends the look with what is seen now.
    pub(super) fn until(self, after: State) -> Looked {
        Looked {
            before: self.state,
            after,
            took: self.began.elapsed(),
            samples: None,
        }
    }
}

impl Looked {
    /// Returns the look as the forecast takes it.
    pub(super) fn as_look(&self) -> Look<'_> {
        Look {
            before: &self.before,
            after: &self.after,
            ns: self.took.as_nanos() as u64,
            samples: self.samples.as_ref(),
        }
    }
}

/// Says what the planned probes will cost.
pub(super) fn forecast(
    plan: &ProbePlan,
    calibration: Option<&Calibration>,
    looked: Option<&Looked>,
    budget_share: Option<f64>,
    can_reopen: bool,
) -> Forecast {
    let costs = Costs::new(calibration);
    let look = looked.map(Looked::as_look);
    let planned = plan.probes.iter().filter(|probe| !probe.sites().is_empty());
    let candidates: Vec<Candidate> = planned
        .map(|probe| {
            let sites: Vec<Site> = probe.sites().iter().map(describe::site).collect();
            Candidate {
                operation_ns: costs.of_operation(&sites),
                rate: look.map_or_else(Rate::default, |look| {
                    look.rate(probe.name, &probe.functions)
                }),
            }
        })
        .collect();
    let terms = Terms {
        budget_share,
        cpus: look.and_then(|look| look.cpus()),
        can_reopen,
    };
    forecast::foretell(&terms, &candidates)
}

/// Returns the predictions side by side with all probes, those that are not planned included.
pub(super) fn by_probe<'a>(
    plan: &'a ProbePlan,
    forecast: &'a Forecast,
) -> impl Iterator<Item = Option<&'a Prediction>> {
    let mut predictions = forecast.probes.iter();
    plan.probes.iter().map(move |probe| match &probe.outcome {
        Outcome::Planned(_) => predictions.next(),
        Outcome::Skipped(_) => None,
    })
}

/// The kernel programs, loaded to measure and to sample with; nothing of the target is touched.
#[derive(Debug)]
pub(super) struct Instruments {
    loaded: Loaded,
    pub(super) mode: Mode,
    pub(super) calibration: Calibration,
}

impl Instruments {
    /// Loads them and measures what a hit costs; as an error, in a sentence, why that can't be.
    pub(super) fn set_up(plan: &ProbePlan, binary: &GoBinary, tgid: u32) -> Result<Self, String> {
        let sentence = |error: &dyn std::error::Error| {
            let chain = std::iter::successors(Some(error), |error| error.source());
            chain
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ")
        };
        let mode = Mode::of_this_kernel()
            .map_err(|error| format!("the kernel loads no BPF program, {}", sentence(&error)))?;
        let bench = Bench::start().map_err(|error| sentence(&error))?;
        let mut loaded = attach::load(&LoadRequest {
            plan,
            user_text: &binary.user_text().map_err(|error| sentence(&error))?,
            roles: Roles::default(),
            tgid,
            bias: None,
            pid_namespace: discover::own_pid_namespace(),
            mode,
            own: bench.own_sites(),
        })
        .map_err(|error| sentence(&error))?;
        let calibration = bench.measure(&mut loaded, plan);
        Ok(Self {
            loaded,
            mode,
            calibration: calibration.map_err(|error| sentence(&error))?,
        })
    }
}

/// Looks at a target for a moment, with CPU samples where there are instruments.
pub(super) fn look(
    target: &Target,
    binary: &GoBinary,
    plan: &ProbePlan,
    instruments: Option<&mut Instruments>,
) -> Result<Looked, discover::DiscoverError> {
    let bias = target.load_bias(&subject::segments(binary))?;
    let mut sampling = instruments.map_or(Sampling::Off, |instruments| {
        Sampling::of(&mut instruments.loaded, HERTZ)
    });
    let glance = Glance::at(target, binary, bias);
    thread::sleep(LOOK);
    let elapsed_ns = glance.began.elapsed().as_nanos() as u64;
    let mut looked = glance.until(state::glance(target, binary, bias, elapsed_ns));
    sampling.stop();
    looked.samples = sampling
        .named(binary, plan, bias, Some(target))
        .unwrap_or_default();
    Ok(looked)
}
