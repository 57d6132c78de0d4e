//! The target programs themselves: what they print has to be true before anything is compared with it.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that calls them"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use rtprobe_tests::go::{self, Kind};

use crate::support::{GoTarget, Toolchain, Truth, TruthSite, require_c, require_go};

#[test]
fn the_disassembler_has_a_call_at_every_site_of_truth() {
    for &version in go::VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        check_sites(&go, "truth", &["-n", "200"]);
    }
}

#[test]
fn the_disassembler_has_a_call_at_every_site_of_truthcgo() {
    if require_c().is_none() {
        return;
    }
    for &version in go::VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        check_sites(&go, "truthcgo", &["-n", "20"]);
    }
}

#[test]
fn allocations_counted_by_truth_are_those_of_the_memory_profile() {
    for &version in go::VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        let binary = go.build("truth", Kind::Plain);
        // The program compares by itself, and ends with 1 where the profile disagrees.
        let mut target = GoTarget::start(&binary, &["-probe", "alloc", "-n", "500", "-verify"]);
        let truth = target.truth();
        assert!(
            truth.sites.iter().all(|site| site.count > 0),
            "go {version}: {truth:?}"
        );
        assert!(target.finish().success(), "go {version}");
    }
}

#[test]
fn truth_makes_nothing_before_it_is_told_to_and_then_exactly_its_rounds() {
    let Some(go) = require_go(go::NEWEST) else {
        return;
    };
    let binary = go.build("truth", Kind::Stripped);
    let mut target = GoTarget::start(&binary, &["-probe", "chan", "-n", "70", "-wait"]);
    target.begin();
    let truth = target.truth();
    for site in &truth.sites {
        let slow = matches!(site.site.as_str(), "chan.goroutine" | "chan.panics");
        let panics = site.site == "chan.panics";
        assert_eq!(site.count, if slow { 7 } else { 70 }, "{site:?}");
        assert_eq!(
            site.completed,
            if panics { 0 } else { site.count },
            "{site:?}"
        );
    }
    assert!(target.finish().success());
}

#[test]
fn truth_keeps_to_its_rate() {
    let Some(go) = require_go(go::NEWEST) else {
        return;
    };
    let binary = go.build("truth", Kind::Plain);
    let mut target = GoTarget::start(&binary, &["-probe", "timer", "-n", "100", "-rate", "5000"]);
    let truth = target.truth();
    let n_operations: u64 = truth.sites.iter().map(|site| site.count).sum();
    let rate = n_operations as f64 * 1e9 / truth.elapsed_ns as f64;
    assert!(
        (4000.0..=5100.0).contains(&rate),
        "{rate} operations per second"
    );
}

#[test]
fn measured_latencies_are_ordered_and_no_shorter_than_the_delays() {
    let Some(go) = require_go(go::NEWEST) else {
        return;
    };
    let binary = go.build("latency", Kind::Plain);
    let mut target = GoTarget::start(&binary, &["-n", "70", "-pause", "0"]);
    let truth = target.truth();
    for site in &truth.sites {
        let latency = site.latency.unwrap();
        let in_order = [
            latency.min_ns,
            latency.p50_ns,
            latency.p90_ns,
            latency.p99_ns,
            latency.max_ns,
        ];
        assert!(in_order.is_sorted(), "{site:?}");
        assert!(
            latency.sum_ns >= latency.max_ns + (site.count - 1) * latency.min_ns,
            "{site:?}"
        );
    }
    let delayed = truth
        .sites
        .iter()
        .find(|site| site.site == "chan.delayed")
        .unwrap();
    // The middle of seven delays is 200 µs, the longest 2 ms; a send can begin late, by a few microseconds.
    let latency = delayed.latency.unwrap();
    assert!(
        latency.p50_ns > 150_000 && latency.max_ns > 1_900_000,
        "{latency:?}"
    );
}

#[test]
fn torture_harms_no_go_release_by_itself() {
    for &version in go::VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        let binary = go.build("torture", Kind::Plain);
        let mut target = GoTarget::start(&binary, &["-duration", "1s"]);
        let last = target.wait_for("");
        assert!(last.starts_with("OK "), "go {version}: {last}");
        assert!(target.finish().success(), "go {version}");
    }
}

#[test]
fn hostile_names_survive_every_compiler() {
    for &version in go::VERSIONS {
        let Some(go) = require_go(version) else {
            return;
        };
        let binary = go.build("hostile", Kind::Plain);
        let truth = GoTarget::start(&binary, &["-n", "10"]).truth();
        let text = std::fs::read(&binary).unwrap();
        for site in &truth.sites {
            assert!(
                holds(&text, &site.function),
                "go {version}: {}",
                site.function
            );
            assert_eq!(site.line, 7, "go {version}: {:?}", site.file);
        }
        let escapes = truth
            .sites
            .iter()
            .filter(|site| site.file.contains('\u{1b}'))
            .count();
        assert_eq!(escapes, 2, "go {version}");
    }
}

#[test]
fn the_demo_service_works_and_ends_with_its_stdin() {
    let Some(go) = require_go(go::NEWEST) else {
        return;
    };
    let kind = if go::has_c_compiler() {
        Kind::Cgo
    } else {
        Kind::Plain
    };
    let binary = go.build("demo", kind);
    let mut target = GoTarget::start(&binary, &["-duration", "2s"]);
    let counts: BTreeMap<String, u64> = serde_json::from_str(&target.wait_for("{")).unwrap();
    assert_eq!(counts["failed"], 0, "{counts:?}");
    assert!(
        counts["requests"] > 200 && counts["settled"] > 100,
        "{counts:?}"
    );
    assert!(counts["memory_readings"] >= 4, "{counts:?}");
    assert!(target.finish().success());
    assert!(
        GoTarget::start(&binary, &["-duration", "1h"])
            .finish()
            .success()
    );
}

/// Compares the sites that a program prints with the calls that `go tool objdump` shows.
#[track_caller]
fn check_sites(go: &Toolchain, name: &str, args: &[&str]) {
    let binary = go.build(name, Kind::Plain);
    let truth: Truth = GoTarget::start(&binary, args).truth();
    let calls = calls(go, &binary);
    let missing: Vec<&TruthSite> = truth
        .sites
        .iter()
        .filter(|site| {
            let function = site.inlined_into.as_ref().unwrap_or(&site.function);
            let file = Path::new(&site.file).file_name().unwrap().to_string_lossy();
            !calls.contains(&(function.clone(), format!("{file}:{}", site.line)))
        })
        .collect();
    assert!(!truth.sites.is_empty());
    assert!(
        missing.is_empty(),
        "go {}: no call at {missing:#?}",
        go.version()
    );
}

/// Returns compiled function and `file:line` of every call in the module's own code.
fn calls(go: &Toolchain, binary: &Path) -> BTreeSet<(String, String)> {
    let mut objdump: Command = go.command();
    let output = objdump
        .args(["tool", "objdump", "-s", r"^(main|example\.com)"])
        .arg(binary)
        .output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    let mut calls = BTreeSet::new();
    let mut function = "";
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("TEXT ") {
            function = head.split_once("(SB)").map_or(head, |(name, _)| name);
        } else if line.contains("CALL ") && !line.contains("morestack") {
            let place = line.split_whitespace().next().unwrap();
            calls.insert((function.to_owned(), place.to_owned()));
        }
    }
    calls
}

fn holds(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}
