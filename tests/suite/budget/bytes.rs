//! Bytes per call site of allocations that are seen in windows only.

use std::{collections::BTreeMap, thread, time::Duration};

use probe_user::report::{ProbeState, Report};
use rtprobe_tests::go::{Kind, NEWEST};
use serde::Deserialize;

use crate::support::{END, GoTarget, Process, Watch, report, require_go, require_root};

/// What the program has asked for by one moment, by function.
#[derive(Debug, Deserialize)]
struct Reading {
    elapsed_ns: u64,
    bytes: BTreeMap<String, u64>,
}

impl Reading {
    fn of(target: &mut GoTarget, question: &str) -> Self {
        target.tell(question);
        serde_json::from_str(&target.wait_for("{")).unwrap()
    }

    /// Bytes a second of a function since `earlier`.
    fn rate_since(&self, earlier: &Self, function: &str) -> f64 {
        let bytes = self.bytes[function] - earlier.bytes[function];
        bytes as f64 * 1e9 / (self.elapsed_ns - earlier.elapsed_ns) as f64
    }
}

/// Watches the program, which is asked as soon as the probes come on and at the end.
fn watch(target: &mut GoTarget, limit: &str) -> (Report, Reading, Reading) {
    let pid = target.pid().to_string();
    let mut command = Watch::command();
    command.args(["--pid", &pid, "-f", "json", "--no-save"]);
    command.args(["-d", "5s", "--max-overhead", limit]);
    let mut process = Process::spawn(&mut command);
    process.wait_for("watching for", END);
    let before = Reading::of(target, "own");
    thread::sleep(Duration::from_secs(5));
    let after = Reading::of(target, "own");
    (report(&process.end(END).with_code(0).stdout), before, after)
}

fn rate_told(report: &Report, function: &str) -> f64 {
    let sites = report.call_sites.iter();
    let of_function = sites.filter(|site| site.probe == "alloc" && &*site.function == function);
    of_function.filter_map(|site| site.bytes_per_s).sum()
}

/// The median is taken of so many runs: one of a few seconds has seen a hundredth of the program's time.
const RUNS: usize = 3;

/// Watches once, and returns by how much the bytes of each function are off, relative, and what the program counted.
fn watch_errors(target: &mut GoTarget, args: &[&str]) -> (BTreeMap<String, f64>, Reading) {
    let (report, before, after) = watch(target, "2%");
    let alloc = report.probes.iter().find(|probe| probe.name == "alloc");
    assert_eq!(alloc.unwrap().state, ProbeState::Windowed, "{args:?}");
    let error = |function: &String| {
        let truth = after.rate_since(&before, function);
        let told = rate_told(&report, function);
        let error = told / truth - 1.0;
        eprintln!(
            "{args:?} {function}: {told:.0} B/s for {truth:.0}, {:+.1} %",
            error * 1e2
        );
        (function.clone(), error)
    };
    (after.bytes.keys().map(error).collect(), after)
}

/// Checks each function's bytes against the program's own count, and that count against its memory profile where
/// that takes every allocation.
fn assert_bytes(args: &[&str], is_profile_whole: bool) {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(NEWEST) else { return };
    let mut target = GoTarget::start(&go.build("allocations", Kind::Stripped), args);
    let mut errors: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    let mut own = BTreeMap::new();
    for _ in 0..RUNS {
        let (of_run, after) = watch_errors(&mut target, args);
        for (function, error) in of_run {
            errors.entry(function).or_default().push(error);
        }
        own = after.bytes;
    }
    for (function, of_runs) in &mut errors {
        of_runs.sort_by(f64::total_cmp);
        let median = of_runs[RUNS / 2];
        assert!(median.abs() < 0.1, "{args:?} {function}: {of_runs:?}");
    }
    if is_profile_whole {
        let profile = Reading::of(&mut target, "profile");
        for (function, bytes) in &profile.bytes {
            let own = own[function] as f64;
            assert!(
                (*bytes as f64 / own - 1.0).abs() < 0.1,
                "{function}: {bytes} for {own}"
            );
        }
    }
}

#[test]
fn bytes_of_allocations_in_windows_are_the_programs() {
    assert_bytes(&[], false);
    // At the usual rate 5 s of it are too few samples.
    assert_bytes(&["-pause", "50us", "-rate", "65536"], false);
}

/// The runtime's own memory profile costs nothing.
#[test]
fn bytes_are_told_without_a_probe() {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(NEWEST) else { return };
    let args = ["-pause", "50us", "-rate", "16384"];
    let mut target = GoTarget::start(&go.build("allocations", Kind::Stripped), &args);
    let (report, before, after) = watch(&mut target, "0%");
    assert_eq!(report.cost.hits, 0);
    for function in ["main.buffer", "main.mixed", "main.structure"] {
        let truth = after.rate_since(&before, function);
        let told = rate_told(&report, function);
        eprintln!("{function}: {told:.0} B/s for {truth:.0}");
        assert!(
            (told / truth - 1.0).abs() < 0.2,
            "{function}: {told} for {truth}"
        );
    }
}

#[test]
fn bytes_are_those_of_a_profile_of_every_allocation() {
    assert_bytes(&["-rate", "1"], true);
}
