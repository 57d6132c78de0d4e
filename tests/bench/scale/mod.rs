//! `scale`: what becomes of rtprobe where a program has many call sites, goroutines or threads.

use std::{collections::BTreeMap, path::PathBuf, thread, time::Duration};

use anyhow::{Context as _, Result};
use probe_user::report::Report;
use rtprobe_tests::{
    figures::table::{Table, time},
    go::{Go, Kind, NEWEST},
};

use crate::{
    many,
    meter::{Meter, Pace},
    target::Target,
    watch::{Span, Watch, timed},
};

const WARM_UP: Duration = Duration::from_millis(500);
const UNPROBED: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(3);

/// One direction to grow in.
struct Axis {
    case: &'static str,
    about: &'static str,
    sizes: &'static [usize],
}

const AXES: [Axis; 3] = [
    Axis {
        case: "sites",
        about: "One goroutine sends from one call site after the other.",
        sizes: &[10, 100, 1_000, 10_000],
    },
    Axis {
        case: "goroutines",
        about: "All goroutines wait in a send, one of them at a time is received from and sends again. \
                `rtprobe dump` names all of them.",
        sizes: &[10, 100, 1_000, 10_000, 100_000],
    },
    Axis {
        case: "threads",
        about: "As many goroutines and `GOMAXPROCS` send flat out.",
        sizes: &[1, 2, 4, 16, 64],
    },
];

pub(crate) fn run(case: &str) -> Result<()> {
    let axis = AXES.iter().find(|axis| axis.case == case);
    let axis = axis.with_context(|| format!("no case `{case}`"))?;
    let binary = build(axis)?;
    println!(
        "{} Everything is probed all the time (`--max-overhead none`), for {} s; \
         a hit is an operation of any probe, with its entry and its exits, and costs what the program uses more.\n",
        axis.about,
        WINDOW.as_secs()
    );
    let mut table = Table::new(&[
        axis.case,
        "operations/s unprobed",
        "probed",
        "hits/s",
        "cost of a hit",
        "lost",
        "rtprobe's peak memory",
        "its CPU",
        "`rtprobe dump`",
    ]);
    for &n in axis.sizes {
        table.row(measure(axis.case, n, &binary)?);
    }
    println!("{table}");
    Ok(())
}

fn build(axis: &Axis) -> Result<PathBuf> {
    let go = Go::find().context("needs Go")?;
    match axis.sizes.last() {
        Some(&most) if axis.case == "sites" => many::build(&go, most),
        _ => go.build("wide", NEWEST, Kind::Stripped),
    }
}

fn measure(case: &str, n: usize, binary: &std::path::Path) -> Result<[String; 9]> {
    let meter = Meter::start(Target::start(binary, &["-do", case, "-n", &n.to_string()])?);
    thread::sleep(WARM_UP);
    let (span, ()) = Span::during(|| thread::sleep(UNPROBED))?;
    let unprobed = meter.pace(span)?;
    let pid = meter.pid();
    let (dump, _) = timed(&["dump", "--pid", &pid.to_string()])?;
    let watch = Watch::start(pid, WINDOW, &["--max-overhead", "none"])?;
    let (report, peak) = watch.end_measured()?;
    let probed = meter.pace(Span::of(&report)?)?;
    let hits = report.cost.hits as f64;
    Ok([
        n.to_string(),
        format!("{:.0}", unprobed.speed()),
        format!("{:.0}", probed.speed()),
        format!("{:.0}", hits / probed.seconds),
        time(extra_ns(unprobed, probed) / hits),
        losses(&report),
        format!("{:.1} MB", peak as f64 / 1e6),
        report.cost.agent_cpu_share.map_or_else(
            || "unknown".to_owned(),
            |share| format!("{:.1} %", share * 1e2),
        ),
        time(dump.as_nanos() as f64),
    ])
}

/// CPU time beyond what the same operations take unprobed.
fn extra_ns(unprobed: Pace, probed: Pace) -> f64 {
    let usual = probed.operations / unprobed.cpu_speed();
    (probed.cpu_seconds - usual) * 1e9
}

/// What was lost, by reason, of all hits.
fn losses(report: &Report) -> String {
    let mut lost: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, n) in report.probes.iter().flat_map(|probe| &probe.lost) {
        *lost.entry(reason).or_default() += n;
    }
    let hits: u64 = report.probes.iter().map(|probe| probe.hits).sum();
    let some = lost.iter().filter(|(_, n)| **n > 0);
    let some: Vec<String> = some
        .map(|(reason, &n)| format!("{reason} {n} ({:.2} %)", n as f64 / hits as f64 * 1e2))
        .collect();
    if some.is_empty() {
        return "nothing".to_owned();
    }
    some.join(", ")
}
