//! One run of rtprobe under one limit, between two time spans without it.

use std::{thread, time::Duration};

use anyhow::Result;

use super::load::{Figures, Latency, Load};
use crate::{
    meter::Pace,
    watch::{Span, Told, Watch, told},
};

/// Long enough for what the host does meanwhile to even out, beside windows of up to 20 s.
const UNPROBED: Duration = Duration::from_secs(6);

/// An operation of the program that is known by number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) probe: &'static str,
    pub(super) function: &'static str,
    /// How many of them belong to one that the program counts.
    pub(super) each: f64,
}

/// What came of it; shares are those of the unprobed program's.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) throughput_lost: f64,
    /// The same in a second of CPU time.
    pub(super) cpu_lost: f64,
    pub(super) target_share: Option<f64>,
    pub(super) agent_share: Option<f64>,
    pub(super) unprobed: Option<Latency>,
    pub(super) probed: Option<Latency>,
    /// Aligned with what is known.
    pub(super) counted: Vec<Counted>,
}

/// An operation that is known by number, and what was told of it.
#[derive(Clone, Debug)]
pub(super) struct Counted {
    /// In the window, as the program has it.
    pub(super) truth: f64,
    /// Per second, if nothing were probed.
    pub(super) unprobed_rate: f64,
    pub(super) told: Told,
}

impl Counted {
    pub(super) fn count_error(&self) -> f64 {
        self.told.count / self.truth - 1.0
    }

    pub(super) fn rate_error(&self) -> f64 {
        self.told.rate / self.unprobed_rate - 1.0
    }
}

/// Lets the program work by itself for a while.
pub(super) fn unprobed(load: &mut Load) -> Result<Figures> {
    let (span, ()) = Span::during(|| thread::sleep(UNPROBED))?;
    load.figures(span)
}

/// Watches under `limit` after `before`, and returns what came of it and the time span after it.
pub(super) fn round(
    load: &mut Load,
    limit: &str,
    window: Duration,
    known: &[Known],
    before: Figures,
) -> Result<(Round, Figures)> {
    let watch = Watch::start(load.pid(), window, &["--max-overhead", limit])?;
    let report = watch.end()?;
    let during = load.figures(Span::of(&report)?)?;
    let after = unprobed(load)?;
    // What the program would do if nobody watched: what its twin does, by how they usually compare.
    let usual = |of: fn(Pace) -> f64| {
        let compared = |figures: Figures| of(figures.pace) / of(figures.twin);
        of(during.twin) * f64::midpoint(compared(before), compared(after))
    };
    let unprobed_rate = usual(Pace::speed);
    let counted = known.iter().map(|known| Counted {
        truth: during.pace.operations * known.each,
        unprobed_rate: unprobed_rate * known.each,
        told: told(&report, known.probe, known.function),
    });
    let round = Round {
        throughput_lost: 1.0 - during.pace.speed() / unprobed_rate,
        cpu_lost: 1.0 - during.pace.cpu_speed() / usual(Pace::cpu_speed),
        target_share: report.cost.target_share,
        agent_share: report.cost.agent_cpu_share,
        unprobed: (before.latency.zip(after.latency)).map(|(before, after)| Latency {
            p50_ns: f64::midpoint(before.p50_ns, after.p50_ns),
            p99_ns: f64::midpoint(before.p99_ns, after.p99_ns),
        }),
        probed: during.latency,
        counted: counted.collect(),
    };
    Ok((round, after))
}
