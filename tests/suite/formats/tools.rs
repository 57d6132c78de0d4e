//! `go tool pprof` and flame graph tools.

use std::{collections::BTreeMap, fs, process::Command};

use probe_user::{
    render::{Format, TextOptions},
    report::Report,
};
use rtprobe_tests::go::{Kind, NEWEST};

use super::{rendered, watched};
use crate::support::{Toolchain, require_go, require_root};

/// A report of all probes but cgo's.
fn full(go: &Toolchain) -> Report {
    let dir = tempfile::tempdir().unwrap();
    watched(
        &go.build("truth", Kind::Plain),
        &["-wait", "-n", "300"],
        dir.path(),
    )
}

/// What `go tool pprof -top` says: flat value by function, in the sample's own unit.
fn top(go: &Toolchain, profile: &[u8], index: &str, more: &[&str]) -> BTreeMap<String, i64> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("profile.pb.gz");
    fs::write(&file, profile).unwrap();
    let mut command: Command = go.command();
    let sample_index = format!("-sample_index={index}");
    command
        .args([
            "tool",
            "pprof",
            "-top",
            "-nodecount=100000",
            "-nodefraction=0",
            "-edgefraction=0",
            &sample_index,
        ])
        .args(more);
    let output = command.arg(&file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{index}: {errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let rows = text
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("flat "))
        .skip(1);
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let digits: String = fields[0]
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '-')
            .collect();
        (
            fields[5..].join(" "),
            digits.parse().unwrap_or_else(|_| panic!("{line}")),
        )
    };
    rows.map(row).collect()
}

type Value = fn(&probe_user::report::CallSite) -> u64;

#[test]
fn pprof_shows_what_the_report_holds() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let report = full(&go);
    let profile = rendered(&report, Format::Pprof, &TextOptions::default());
    let indices: [(&str, &str, Value); 4] = [
        ("contentions", "count", |site| site.count),
        ("delay", "ns", |site| {
            site.latency.as_ref().map_or(0, |latency| latency.sum_ns)
        }),
        ("alloc_objects", "count", |site| {
            site.bytes.map_or(0, |_| site.count)
        }),
        ("alloc_space", "B", |site| site.bytes.unwrap_or(0)),
    ];
    for (index, unit, value) in indices {
        let unit = format!("-unit={unit}");
        let shown = top(&go, &profile, index, &[&unit, "-cum"]);
        let expected: u64 = report.call_sites.iter().map(value).sum();
        let total: i64 = shown.values().sum();
        assert!(total > 0, "{index}: {shown:?}");
        assert_eq!(total as u64, expected, "{index}: {shown:?}");
    }
    // Found by the label and by the line of the user's code.
    let sends = top(
        &go,
        &profile,
        "contentions",
        &["-tagfocus=probe=chan-send", "-unit=count"],
    );
    let expected: u64 = report
        .call_sites
        .iter()
        .filter(|s| s.probe == "chan-send")
        .map(|site| site.count)
        .sum();
    assert_eq!(sends.values().sum::<i64>() as u64, expected, "{sends:?}");
}

#[test]
fn folded_lines_hold_every_call_site() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let report = full(&go);
    let folded = rendered(&report, Format::Folded, &TextOptions::default());
    let text = String::from_utf8(folded).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("cpu;"))
        .collect();
    assert_eq!(lines.len(), report.call_sites.len());
    for (line, site) in lines.into_iter().zip(&report.call_sites) {
        let (stack, value) = line.rsplit_once(' ').unwrap();
        let frames: Vec<&str> = stack.split(';').collect();
        assert_eq!(frames.len(), site.stack.len() + 1, "{line}");
        assert_eq!(frames[0], site.probe, "{line}");
        assert!(
            frames
                .iter()
                .all(|frame| !frame.is_empty() && !frame.contains(' ')),
            "{line}"
        );
        let expected = site
            .latency
            .as_ref()
            .map_or(site.count, |latency| latency.sum_ns);
        assert_eq!(value.parse::<u64>().unwrap(), expected, "{line}");
    }
}
