//! `truth`: latencies and rates that a program knows against those that are reported, with and without the limit.

mod latency;
mod rate;

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use rtprobe_tests::go::{Go, Kind, NEWEST};

use crate::{
    meter::{Meter, Pace},
    target::Target,
    watch::{Span, Told, Watch, told},
};

pub(crate) use latency::latencies;
pub(crate) use rate::rates;

const WARM_UP: Duration = Duration::from_millis(500);

/// What `--max-overhead` is given, and for how long it is watched then.
const LIMITS: [(&str, Duration); 2] = [
    ("2%", Duration::from_secs(6)),
    ("none", Duration::from_secs(2)),
];

/// One run of rtprobe on a program that makes one operation.
struct Watched {
    /// What the program did in the window.
    pace: Pace,
    told: Told,
}

/// Starts the program with these arguments.
fn start(go: &Go, args: &[&str]) -> Result<Meter> {
    let binary = go.build("pacedcgo", NEWEST, Kind::Stripped)?;
    let meter = Meter::start(Target::start(&binary, args)?);
    thread::sleep(WARM_UP);
    Ok(meter)
}

fn find_go() -> Result<Go> {
    Go::find().context("needs Go")
}

/// Watches what `probe` has to say of `function`.
fn watch(
    meter: &Meter,
    (limit, window): (&str, Duration),
    probe: &str,
    function: &str,
) -> Result<Watched> {
    let watch = Watch::start(meter.pid(), window, &["--max-overhead", limit])?;
    let report = watch.end()?;
    Ok(Watched {
        pace: meter.pace(Span::of(&report)?)?,
        told: told(&report, probe, function),
    })
}

/// By how much the figure that was told is off, as per cent.
fn error(told: f64, truth: f64) -> String {
    format!("{:+.1} %", (told / truth - 1.0) * 1e2)
}
