use rtprobe_tests::go::{Kind, NEWEST};
use serde_json::Value;

use crate::support::{GoTarget, report, require_go, require_root, rtprobe};

fn target() -> Option<(GoTarget, String)> {
    require_root()?;
    let go = require_go(NEWEST)?;
    let target = GoTarget::start(&go.build("census", Kind::Stripped), &[]);
    let pid = target.pid().to_string();
    Some((target, pid))
}

#[test]
fn dump_as_text_names_reasons_lines_and_creators() {
    let Some((_target, pid)) = target() else {
        return;
    };
    let output = rtprobe(&["dump", "--pid", &pid]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in [
        "     7  chan receive  for at least ",
        "     3  sync.Mutex.Lock  for at least ",
        "main.selects",
        "created by main.start",
        "2 locked to a thread",
        "the same 39 times more",
        "THE RUNTIME'S OWN",
    ] {
        assert!(text.contains(part), "no `{part}` in {text}");
    }
    assert!(!text.contains("runtime.gopark"), "{text}");
}

#[test]
fn dump_as_json_has_the_groups_of_a_report() {
    let Some((_target, pid)) = target() else {
        return;
    };
    let output = rtprobe(&["dump", "--pid", &pid, "-f", "json"]);
    let dump: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(dump["schema"], "rtprobe.dump/v1");
    assert_eq!(dump["torn"], 0);
    let groups = dump["goroutines"].as_array().unwrap();
    let sum: u64 = groups
        .iter()
        .map(|group| group["count"].as_u64().unwrap())
        .sum();
    assert_eq!(dump["total"], sum);
    assert!(sum >= 32, "{dump:#}");
}

#[test]
fn report_has_the_goroutines_of_the_windows_end() {
    let Some((_target, pid)) = target() else {
        return;
    };
    let options = [
        "-d",
        "500ms",
        "-f",
        "json",
        "--no-save",
        "--only",
        "timer-start",
    ];
    let output = rtprobe(&[&["record", "--pid", &pid], &options[..]].concat());
    let report = report(&output.stdout);
    let groups = report.goroutines.unwrap();
    let is_lock = |reason: &str| reason == "sync.Mutex.Lock";
    let locks = groups
        .iter()
        .find(|group| group.wait_reason.as_deref().is_some_and(is_lock));
    assert_eq!(locks.map(|group| group.count), Some(3));
    assert!(report.target.gomaxprocs.is_some());
}

#[test]
fn dump_of_what_is_no_go_program_is_refused() {
    let Some(()) = require_root() else { return };
    let own = std::process::id().to_string();
    let output = rtprobe(&["dump", "--pid", &own]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("not a Go program"), "{stderr}");
}
