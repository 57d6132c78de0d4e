//! Latencies agree with what the program measured around its own calls.
//!
//! The program's clock brackets the call, so that it holds what the probes cost before the begin and after
//! the end: a constant of about a microsecond, which the tolerance of 2 µs is for.
//! Quantiles have one definition on both sides, the value at rank `ceil(q * n)`.
//! Where others use the machine too, the program may lose its CPU between its clock and the probe, which
//! moves single operations only: the quantiles in the middle have to agree in every run, the tail and the
//! sum in one of three.

use std::path::Path;

use probe_user::report::{CallSite, Latency, Report};
use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{GoTarget, Truth, TruthLatency, Watch, require_c, require_go, require_root};

const SHARE: f64 = 0.02;
const SLACK_NS: f64 = 2_000.0;
/// Shorter operations are not promised to be measured that closely.
const SHORTEST_NS: u64 = 20_000;
const RUNS: usize = 3;

/// A figure on both sides.
struct Pair {
    site: String,
    figure: &'static str,
    ours: u64,
    theirs: u64,
    slack_ns: f64,
}

impl Pair {
    fn agrees(&self) -> bool {
        let allowed = self.theirs as f64 * SHARE + self.slack_ns;
        self.ours.abs_diff(self.theirs) as f64 <= allowed
    }

    fn text(&self) -> String {
        let Self {
            site,
            figure,
            ours,
            theirs,
            ..
        } = self;
        format!("{site}: {figure} is {ours} ns, the program has {theirs} ns")
    }
}

fn run(binary: &Path, args: &[&str]) -> (Truth, Report) {
    let mut target = GoTarget::start(binary, args);
    let watch = Watch::start(target.pid());
    target.begin();
    let truth = target.truth();
    (truth, watch.finish())
}

/// The figures of all sites that take long enough: of the middle, and of the tail and the sum.
fn pairs(truth: &Truth, report: &Report) -> (Vec<Pair>, Vec<Pair>) {
    let (mut middle, mut tail) = (Vec::new(), Vec::new());
    for expected in &truth.sites {
        let Some(theirs) = &expected.latency else {
            continue;
        };
        // The truth of a stop of the world is that of the call that asks for it, which does more.
        if theirs.p50_ns < SHORTEST_NS || expected.probe != probe_of(&expected.site) {
            continue;
        }
        let found = |site: &&CallSite| {
            site.probe == expected.probe
                && site.function == expected.function
                && site.line == expected.line
        };
        let site = report.call_sites.iter().find(found);
        let site = site.unwrap_or_else(|| panic!("no call site for {}", expected.site));
        let ours = site.latency.as_ref().unwrap();
        assert_eq!(ours.count, expected.completed, "{}", expected.site);
        let name = format!("{} ({})", expected.site, expected.probe);
        split(&name, ours, theirs, &mut middle, &mut tail);
    }
    assert!(!middle.is_empty(), "no operation takes {SHORTEST_NS} ns");
    (middle, tail)
}

/// The probe whose operation the program brackets.
fn probe_of(site: &str) -> &'static str {
    match site.split('.').next().unwrap_or_default() {
        "chan" => "chan-send",
        "alloc" => "alloc",
        "stw" => "stop-the-world",
        "memstats" => "mem-stats",
        "cgo" => "cgo-call",
        other => panic!("no probe for {other}"),
    }
}

fn split(
    name: &str,
    ours: &Latency,
    theirs: &TruthLatency,
    middle: &mut Vec<Pair>,
    tail: &mut Vec<Pair>,
) {
    let pair = |figure, ours, theirs, slack_ns| Pair {
        site: name.to_owned(),
        figure,
        ours,
        theirs,
        slack_ns,
    };
    middle.push(pair("p50", ours.p50_ns, theirs.p50_ns, SLACK_NS));
    middle.push(pair("p90", ours.p90_ns, theirs.p90_ns, SLACK_NS));
    tail.push(pair("p99", ours.p99_ns, theirs.p99_ns, SLACK_NS));
    tail.push(pair("max", ours.max_ns, theirs.max_ns, SLACK_NS));
    // The slack is one of each operation.
    tail.push(pair(
        "sum",
        ours.sum_ns,
        theirs.sum_ns,
        SLACK_NS * ours.count as f64,
    ));
}

#[track_caller]
fn assert_latencies(binary: &Path, args: &[&str]) {
    let mut faults = Vec::new();
    for _ in 0..RUNS {
        let (truth, report) = run(binary, args);
        let (middle, tail) = pairs(&truth, &report);
        for pair in middle.iter().chain(&tail) {
            eprintln!("{}", pair.text());
        }
        let wrong: Vec<String> = middle
            .iter()
            .filter(|p| !p.agrees())
            .map(Pair::text)
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        faults = tail
            .iter()
            .filter(|p| !p.agrees())
            .map(Pair::text)
            .collect();
        if faults.is_empty() {
            return;
        }
    }
    panic!("in none of {RUNS} runs: {}", faults.join("\n"));
}

#[test]
fn operations_of_known_duration_are_measured() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    assert_latencies(&go.build("latency", Kind::Plain), &["-wait", "-n", "500"]);
}

#[test]
fn operations_of_an_old_go_are_measured() {
    let (Some(()), Some(go)) = (require_root(), require_go("1.21.13")) else {
        return;
    };
    assert_latencies(
        &go.build("latency", Kind::Stripped),
        &["-wait", "-n", "500"],
    );
}

#[test]
fn calls_of_c_are_measured() {
    let (Some(()), Some(()), Some(go)) = (require_root(), require_c(), require_go(NEWEST)) else {
        return;
    };
    assert_latencies(&go.build("truthcgo", Kind::Plain), &["-wait", "-n", "500"]);
}
