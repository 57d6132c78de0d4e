//! What `go tool pprof` makes of the profile.

use std::{env, fs, path::PathBuf, process::Command};

use super::{NARROW, bytes};
use crate::{
    render::{Format, sample},
    report::Report,
};

struct Profile {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl Profile {
    /// Writes `report` as a profile; `None`, with the reason printed, where there is no Go toolchain.
    fn of(report: &Report) -> Option<Self> {
        let go = Command::new("go").arg("version").output();
        if let Err(error) = go {
            assert!(
                env::var("RTPROBE_REQUIRE").as_deref() != Ok("1"),
                "no Go toolchain: {error}"
            );
            eprintln!("skipped: no Go toolchain: {error}");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("report.pprof.gz");
        fs::write(&path, bytes(report, Format::Pprof, &NARROW)).unwrap();
        Some(Self {
            _directory: directory,
            path,
        })
    }

    fn show(&self, arguments: &[&str]) -> String {
        let output = Command::new("go")
            .args(["tool", "pprof"])
            .args(arguments)
            .arg(&self.path)
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Returns the first line that holds `text`, its words joined by single spaces.
fn line(output: &str, text: &str) -> String {
    let line = output.lines().find(|line| line.contains(text));
    let line = line.unwrap_or_else(|| panic!("no {text} in\n{output}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn delay_is_shown_by_default_and_adds_up() {
    let mut report = sample::service();
    report.call_sites.retain(|site| site.probe == "chan-send");
    let Some(profile) = Profile::of(&report) else {
        return;
    };
    let top = profile.show(&["-top", "-unit=ns"]);
    assert!(top.contains("Type: delay"), "{top}");
    assert!(
        top.contains("File: api") && top.contains("Build ID: kJ1x9Qz/Vb"),
        "{top}"
    );
    let sum_ns = report.call_sites[0].latency.as_ref().unwrap().sum_ns;
    assert!(
        line(&top, "Broadcast").starts_with(&format!("{sum_ns}ns ")),
        "{top}"
    );
}

#[test]
fn counts_objects_and_bytes_are_values_of_their_own() {
    let report = sample::service();
    let Some(profile) = Profile::of(&report) else {
        return;
    };
    let contentions = profile.show(&["-top", "-sample_index=contentions"]);
    let total: u64 = report.call_sites.iter().map(|site| site.count).sum();
    assert!(
        contentions.contains(&format!("of {total} total")),
        "{contentions}"
    );
    let objects = profile.show(&["-top", "-sample_index=alloc_objects"]);
    assert!(
        line(&objects, "encodeMessage").starts_with("4720000 100%"),
        "{objects}"
    );
    let space = profile.show(&["-top", "-sample_index=alloc_space", "-unit=B"]);
    assert!(
        line(&space, "encodeMessage").starts_with("512400000B 100%"),
        "{space}"
    );
}

#[test]
fn cpu_time_is_a_value_of_its_own() {
    let report = sample::service();
    let Some(profile) = Profile::of(&report) else {
        return;
    };
    let cpu = profile.show(&["-top", "-sample_index=cpu", "-unit=ns"]);
    let period_ns = 1_000_000_000_u64 / 99;
    let sum = format!("{}ns ", 1100 * period_ns);
    assert!(line(&cpu, "codec.sum").starts_with(&sum), "{cpu}");
    let work = profile.show(&["-tags", "-sample_index=samples"]);
    assert!(work.contains("garbage-collection"), "{work}");
}

#[test]
fn without_bytes_the_profile_has_the_types_of_a_block_profile() {
    let mut report = sample::service();
    report.cpu = None;
    report.call_sites.retain(|site| site.bytes.is_none());
    let Some(profile) = Profile::of(&report) else {
        return;
    };
    let raw = profile.show(&["-raw"]);
    assert!(raw.contains("PeriodType: contentions count"), "{raw}");
    assert!(raw.contains("contentions/count delay/nanoseconds"), "{raw}");
    assert!(
        raw.contains("Duration: 30s") && raw.contains("Time: 2026-11-20"),
        "{raw}"
    );
    assert!(
        profile
            .show(&["-comments"])
            .contains("rtprobe 0.1.0 (rtprobe.report/v1)")
    );
}

#[test]
fn probes_and_reasons_are_tags() {
    let Some(profile) = Profile::of(&sample::service()) else {
        return;
    };
    let tags = profile.show(&["-tags", "-sample_index=contentions"]);
    for tag in [
        "probe:",
        "chan-send",
        "stop-the-world",
        "reason:",
        "read mem stats",
    ] {
        assert!(tags.contains(tag), "{tags}");
    }
    let sends = profile.show(&["-top", "-tagfocus=probe=chan-send"]);
    assert!(
        sends.contains("Broadcast") && !sends.contains("encodeMessage"),
        "{sends}"
    );
}

#[test]
fn stacks_hold_inlined_frames_in_their_place() {
    let mut report = sample::service();
    report.cpu = None;
    report.call_sites.truncate(1);
    let Some(profile) = Profile::of(&report) else {
        return;
    };
    let traces = profile.show(&["-traces", "-lines"]);
    let functions: Vec<_> = traces
        .lines()
        .filter_map(|line| {
            line.split_whitespace()
                .find(|word| word.contains("main.") || word.contains("api/"))
        })
        .collect();
    let expected = [
        "example.com/api/hub.(*Hub).Broadcast",
        "example.com/api/server.(*Server).handle",
        "example.com/api/server.(*Server).Serve",
        "main.main.func2",
    ];
    assert_eq!(functions, expected, "{traces}");
    assert!(traces.contains("server.go:214 (inline)"), "{traces}");
    // Four frames and one of them inlined: three locations.
    let raw = profile.show(&["-raw"]);
    let locations = raw
        .split("Locations\n")
        .nth(1)
        .unwrap()
        .split("Mappings")
        .next()
        .unwrap();
    assert_eq!(
        locations
            .lines()
            .filter(|line| line.contains(": 0x0 M=1"))
            .count(),
        3,
        "{raw}"
    );
}

#[test]
fn hostile_names_reach_no_terminal() {
    let Some(profile) = Profile::of(&sample::hostile()) else {
        return;
    };
    for view in ["-top", "-tags", "-traces"] {
        let output = profile.show(&[view]);
        assert!(
            !output.contains(['\x1b', '\x07', '\u{202e}', '\u{9b}']),
            "{output}"
        );
        assert!(output.contains("\\x1b]0;owned\\x07main.title"), "{output}");
    }
}
