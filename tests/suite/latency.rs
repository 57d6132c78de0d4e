//! Latencies agree with what the program measured itself, and with durations that are known.
//!
//! C code measures itself from within the operation: nothing of a probe is in that.
//! Go code can only bracket the call with its clock, so that it holds all that the probes cost, which rtprobe
//! subtracts as far as it lies between its own clocks: how much that is at which rank, the site `….short` of the same program and probe shows,
//! whose operations take next to nothing. What rtprobe says has to lie between the program's figure without
//! that and the program's figure, give or take 2 % + 2 µs.
//! Quantiles have one definition on both sides, the value at rank `ceil(q * n)`.
//! Where others use the machine too, the program may lose its CPU between its clock and the probe, which
//! moves some operations only, past others on one side and not on the other: the median has to lie between the
//! program's values at the ranks 48 % and 52 % in every run, each figure of the tail has to agree in one of five.

use std::{collections::BTreeSet, path::Path};

use probe_user::report::{CallSite, Latency, Report};
use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    GoTarget, Truth, TruthLatency, TruthSite, Watch, require_c, require_go, require_root_alone,
};

const SHARE: f64 = 0.02;
const SLACK_NS: f64 = 2_000.0;
/// Shorter operations are not promised to be measured that closely.
const SHORTEST_NS: u64 = 20_000;
const RUNS: usize = 5;
/// Calls of C measure themselves in C: the transitions there and back are in rtprobe's figures only. They take next to
/// nothing at the median, and up to this in the tail, with caches that another program has used.
const TRANSITIONS_NS: u64 = 3_000;

/// What operations at a site take by the program's text: median in nanoseconds.
const KNOWN: [(&str, u64); 5] = [
    ("cgo.spin-20us", 20_000),
    ("cgo.spin-200us", 200_000),
    ("cgo.closure", 50_000),
    ("cgo.generic", 30_000),
    ("cgo.deferred", 40_000),
];

/// A figure on both sides, in nanoseconds.
struct Pair {
    site: String,
    figure: &'static str,
    ours: u64,
    /// What the probes add between the program's clock and the operation.
    outside: u64,
    /// What the operation has that the program's clock leaves out.
    inside: u64,
    /// The least and the most that the program says.
    theirs: (u64, u64),
}

impl Pair {
    fn agrees(&self) -> bool {
        let (least, most) = self.theirs;
        let slack = |theirs: u64| theirs as f64 * SHARE + SLACK_NS;
        let ours = self.ours as f64;
        ours >= least as f64 - self.outside as f64 - slack(least)
            && ours <= most as f64 + slack(most) + self.inside as f64
    }

    fn name(&self) -> String {
        format!("{}: {}", self.site, self.figure)
    }

    fn text(&self) -> String {
        let Self {
            site,
            figure,
            ours,
            outside,
            inside,
            theirs: (least, most),
        } = self;
        format!(
            "{site}: {figure} is {ours} ns (+ ≤ {outside} outside, − ≤ {inside} inside), the program has {least} to \
             {most} ns"
        )
    }
}

fn run(binary: &Path, args: &[&str]) -> (Truth, Report) {
    let mut target = GoTarget::start(binary, args);
    let watch = Watch::start(target.pid());
    target.begin();
    let truth = target.truth();
    (truth, watch.finish())
}

/// The latencies of a site of the truth on both sides.
fn sides<'a>(expected: &'a TruthSite, report: &'a Report) -> (&'a Latency, &'a TruthLatency) {
    let found = |site: &&CallSite| {
        site.probe == expected.probe
            && *site.function == *expected.function
            && site.line == expected.line
            && site.inlined_into == expected.inlined_into
    };
    let site = report.call_sites.iter().find(found);
    let site = site.unwrap_or_else(|| panic!("no call site for {}", expected.site));
    let ours = site.latency.as_ref().unwrap();
    assert_eq!(ours.count, expected.completed, "{}", expected.site);
    (ours, expected.latency.as_ref().unwrap())
}

/// What the probes add to the program's bracket: at the median, and what nine of ten don't exceed.
#[derive(Clone, Copy)]
struct Outside {
    p50: u64,
    p90: u64,
}

impl Outside {
    const NOTHING: Self = Self { p50: 0, p90: 0 };

    /// Reads it off the short operations of the same probe.
    fn of(probe: &str, truth: &Truth, report: &Report) -> Self {
        // Operations of C are timed in C.
        if probe == "cgo-call" {
            return Self::NOTHING;
        }
        let site = short_of(probe, truth);
        let (ours, theirs) = sides(site, report);
        let more_than_ours = |bracket: u64| {
            bracket
                .checked_sub(ours.p50_ns)
                .unwrap_or_else(|| panic!("{}: {bracket} ns around {} ns", site.site, ours.p50_ns))
        };
        Self {
            p50: more_than_ours(theirs.p50_ns),
            p90: more_than_ours(theirs.p90_ns),
        }
    }
}

/// What shows how much the probes add is not compared with itself, on hosts where it takes long.
fn is_short(site: &TruthSite) -> bool {
    site.site.rsplit('.').next() == Some("short")
}

fn short_of<'a>(probe: &str, truth: &'a Truth) -> &'a TruthSite {
    let of_probe = |site: &&TruthSite| site.probe == probe && is_short(site);
    let site = truth.sites.iter().find(of_probe);
    site.unwrap_or_else(|| panic!("no short operation of {probe}"))
}

/// A send into a buffer with room takes 20 to 100 ns, which nobody can tell. Not all programs have one.
fn is_send_within_floor(truth: &Truth, report: &Report) -> bool {
    if truth.sites.iter().all(|site| site.probe != "chan-send") {
        return true;
    }
    let (ours, _) = sides(short_of("chan-send", truth), report);
    let floor_ns = ours.floor_ns.expect("the host is calibrated");
    eprintln!("chan.short: p50 is {} ns, floor {floor_ns} ns", ours.p50_ns);
    ours.p50_ns < floor_ns
}

/// Sites whose program figures are of something else than the operation: a whole `ReadMemStats`, of which the
/// probe sees a part, and calls of C with the clock outside.
const NOT_COMPARED: [&str; 4] = ["memstats.read", "cgo.nested", "cgo.often", "cgo.inlined"];

/// The figures of all sites that take long enough: those that always agree, and those that may be moved.
fn pairs(truth: &Truth, report: &Report) -> (Vec<Pair>, Vec<Pair>) {
    let (mut strict, mut tail) = (Vec::new(), Vec::new());
    for expected in &truth.sites {
        let is_part = NOT_COMPARED.contains(&expected.site.as_str());
        if is_part
            || is_short(expected)
            || expected
                .latency
                .is_none_or(|latency| latency.p50_ns < SHORTEST_NS)
        {
            continue;
        }
        let (ours, theirs) = sides(expected, report);
        let outside = Outside::of(&expected.probe, truth, report);
        let pair = |figure, ours, outside, inside, theirs| Pair {
            site: format!("{} ({})", expected.site, expected.probe),
            figure,
            ours,
            outside,
            inside,
            theirs,
        };
        let transitions = if expected.probe == "cgo-call" {
            TRANSITIONS_NS
        } else {
            0
        };
        let around = (theirs.p48_ns, theirs.p52_ns);
        strict.push(pair("p50", ours.p50_ns, outside.p50, 0, around));
        let mut far = |figure, ours, theirs| {
            let theirs = (theirs, theirs);
            tail.push(pair(figure, ours, outside.p90, transitions, theirs));
        };
        far("p90", ours.p90_ns, theirs.p90_ns);
        far("p99", ours.p99_ns, theirs.p99_ns);
        far("max", ours.max_ns, theirs.max_ns);
        let mean = theirs.sum_ns / expected.completed;
        far("mean", ours.sum_ns / ours.count, mean);
        if let Some((_, known)) = KNOWN.iter().find(|(site, _)| *site == expected.site) {
            strict.push(pair("p50 as known", ours.p50_ns, 0, 0, (*known, *known)));
        }
    }
    assert!(!strict.is_empty(), "no operation takes {SHORTEST_NS} ns");
    (strict, tail)
}

#[track_caller]
fn assert_latencies(binary: &Path) {
    let mut never: Option<BTreeSet<String>> = None;
    let mut was_within_floor = false;
    for _ in 0..RUNS {
        let (truth, report) = run(binary, &["-wait", "-n", "500"]);
        was_within_floor |= is_send_within_floor(&truth, &report);
        let (strict, tail) = pairs(&truth, &report);
        for pair in strict.iter().chain(&tail) {
            eprintln!("{}", pair.text());
        }
        let wrong: Vec<String> = strict
            .iter()
            .filter(|p| !p.agrees())
            .map(Pair::text)
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let now: BTreeSet<String> = tail
            .iter()
            .filter(|p| !p.agrees())
            .map(Pair::name)
            .collect();
        let left = never.map_or_else(|| now.clone(), |never| &never & &now);
        if left.is_empty() && was_within_floor {
            return;
        }
        never = Some(left);
    }
    panic!("in none of {RUNS} runs: {never:?}, a send within the floor: {was_within_floor}");
}

#[test]
fn operations_of_known_duration_are_measured() {
    let (Some(()), Some(go)) = (require_root_alone(), require_go(NEWEST)) else {
        return;
    };
    assert_latencies(&go.build("latency", Kind::Plain));
}

#[test]
fn operations_of_an_old_go_are_measured() {
    let (Some(()), Some(go)) = (require_root_alone(), require_go("1.21.13")) else {
        return;
    };
    assert_latencies(&go.build("latency", Kind::Stripped));
}

#[test]
fn calls_of_c_are_measured() {
    let (Some(()), Some(()), Some(go)) = (require_root_alone(), require_c(), require_go(NEWEST))
    else {
        return;
    };
    assert_latencies(&go.build("truthcgo", Kind::Plain));
}
