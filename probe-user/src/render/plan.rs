//! What would be attached where, and what it would cost, as the answer of a command of its own.

use serde::Serialize;

use crate::report::{Prediction, Site, TargetInfo};

/// What `rtprobe plan` answers, `rtprobe.plan/v1`.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub schema: &'static str,
    pub target: TargetInfo,
    /// `None`: no limit.
    pub budget_share: Option<f64>,
    pub prices: Prices,
    /// The short look at the running target; `None` of a file, or where it could not be looked at.
    pub look: Option<Glimpse>,
    /// Share of the target's CPU time that the probes will take, at least and at most; `None`: not known.
    pub predicted_low_share: Option<f64>,
    pub predicted_high_share: Option<f64>,
    pub probes: Vec<PlannedProbe>,
    /// What is not known of this binary or target, in sentences.
    pub degraded: Vec<String>,
}

/// What hits cost a target on this host, in nanoseconds of its CPU time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prices {
    pub emulated_hit_ns: f64,
    pub stepped_hit_ns: f64,
    /// Beyond its hits, what an operation costs that is counted.
    pub counting_ns: f64,
    /// Why they are assumptions; `None`: they were measured.
    pub assumed_because: Option<String>,
}

/// A short look at a target.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Glimpse {
    pub duration_ns: u64,
    /// CPUs that the target used meanwhile.
    pub cpus: Option<f64>,
    pub cpu_samples: Option<u64>,
}

/// One logical probe of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedProbe {
    pub name: String,
    /// `planned` or `skipped`.
    pub state: &'static str,
    pub reason: Option<String>,
    pub functions: Vec<String>,
    pub sites: Vec<Site>,
    pub predicted: Option<Prediction>,
}

impl Plan {
    pub const SCHEMA: &'static str = "rtprobe.plan/v1";
}
