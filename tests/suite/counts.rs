//! Counts per call site against the programs' own: equal, not close.

use std::path::Path;

use probe_user::report::{CallSite, ProbeState, Report};
use rtprobe_tests::go::Kind;

use crate::support::{
    GoTarget, Truth, TruthSite, Watch, report, require_c, require_go, require_root, rtprobe,
};

const MINORS: [&str; 4] = ["1.21.13", "1.23.12", "1.25.5", "1.27.3"];
/// Groups of the program `truth`; each runs alone, with all probes on.
const GROUPS: [&str; 6] = ["chan", "alloc", "timer", "go", "stw", "memstats"];

#[test]
fn plain_binaries_of_four_releases_are_counted_exactly() {
    for version in MINORS {
        count_truth(version, Kind::Plain);
    }
}

#[test]
fn stripped_binaries_of_four_releases_are_counted_exactly() {
    for version in MINORS {
        count_truth(version, Kind::Stripped);
    }
}

#[test]
fn a_position_independent_binary_is_counted_exactly() {
    count_truth("1.27.3", Kind::Pie);
}

#[test]
fn calls_of_c_and_their_callbacks_are_counted_exactly() {
    for version in MINORS {
        let (Some(()), Some(()), Some(go)) = (require_root(), require_c(), require_go(version))
        else {
            return;
        };
        let binary = go.build("truthcgo", Kind::Plain);
        compare(
            &format!("go {version}, cgo"),
            &binary,
            &["-n", "300", "-wait"],
        );
    }
}

#[test]
fn the_binary_says_its_version() {
    let output = rtprobe(&["--version"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(concat!("rtprobe ", env!("CARGO_PKG_VERSION"))),
        "{text}"
    );
}

#[track_caller]
fn count_truth(version: &'static str, kind: Kind) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let binary = go.build("truth", kind);
    for group in GROUPS {
        let args = ["-probe", group, "-n", "2000", "-procs", "2", "-wait"];
        compare(
            &format!("go {version}, {}, {group}", kind.name()),
            &binary,
            &args,
        );
    }
}

/// Watches a program with all probes while it works, and compares what both have counted.
#[track_caller]
fn compare(what: &str, binary: &Path, args: &[&str]) {
    let mut target = GoTarget::start(binary, args);
    let pid = target.pid().to_string();
    let options = [
        "--duration",
        "0",
        "--max-overhead",
        "none",
        "--no-save",
        "--format",
        "json",
    ];
    let watch = Watch::start(&[&["record", "--pid", &pid], &options[..]].concat());
    target.begin();
    let truth = target.truth();
    let output = watch.report();
    assert!(
        output.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report = report(&output.stdout);
    check_balance(what, &report);
    let wrong = differences(&truth, &report);
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
    assert!(target.finish().success(), "{what}: the target failed");
}

/// Every hit is accounted for, and every attached probe saw the whole window.
#[track_caller]
fn check_balance(what: &str, report: &Report) {
    for probe in &report.probes {
        let lost: u64 = probe.lost.values().sum();
        assert_eq!(
            probe.hits,
            probe.completed + probe.open + lost,
            "{what}: {probe:?}"
        );
        if probe.state == ProbeState::Attached {
            assert!(probe.observed_share >= 1.0, "{what}: {probe:?}");
        }
    }
}

/// Returns a line for each call site where the report does not say what the program says.
fn differences(truth: &Truth, report: &Report) -> Vec<String> {
    assert!(!truth.sites.is_empty());
    truth
        .sites
        .iter()
        .filter_map(|site| difference(site, report))
        .collect()
}

fn difference(site: &TruthSite, report: &Report) -> Option<String> {
    let found: Vec<&CallSite> = report
        .call_sites
        .iter()
        .filter(|found| is_at(found, site))
        .collect();
    let hits: u64 = found.iter().map(|found| found.hits).sum();
    let timed: u64 = found
        .iter()
        .filter_map(|found| found.latency.as_ref())
        .map(|l| l.count)
        .sum();
    let bytes: u64 = found.iter().filter_map(|found| found.bytes).sum();
    let right = hits == site.count
        && timed == site.completed
        && site.bytes.is_none_or(|expected| expected == bytes);
    (!right).then(|| {
        format!(
            "{} {}: {} counted, {} completed, {:?} bytes; reported {hits}, {timed}, {bytes}",
            site.probe, site.site, site.count, site.completed, site.bytes
        )
    })
}

fn is_at(found: &CallSite, site: &TruthSite) -> bool {
    found.probe == site.probe
        && found.function == site.function
        && found.file == site.file
        && found.line == site.line
        && found.inlined_into == site.inlined_into
}
