//! Ctrl-C, SIGTERM, SIGHUP, and the impatient second Ctrl-C.

use std::{
    thread,
    time::{Duration, Instant},
};

use probe_user::report::{EndedBy, RuleVerdict, Verdict};
use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    GoTarget, Process, Watch, differing_bytes, report, require_go, require_root, signal,
};

/// From the signal to the end of rtprobe, report included.
const PROMPT: Duration = Duration::from_secs(3);

#[test]
fn signals_end_the_window_and_report() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    for number in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let watch = Watch::start(target.pid());
        thread::sleep(Duration::from_millis(300));
        let sent = Instant::now();
        watch.rtprobe.signal(number);
        let ended = watch.rtprobe.end(PROMPT).with_code(0);
        eprintln!("signal {number}: ended after {:?}", sent.elapsed());
        let report = report(&ended.stdout);
        assert_eq!(report.window.ended_by, EndedBy::Signal);
        assert!(report.probes.iter().any(|probe| probe.hits > 0));
        assert_eq!(differing_bytes(target.pid()), 0);
    }
}

#[test]
fn a_second_interrupt_leaves_without_a_report() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("changeling", Kind::Plain);
    let mut command = Watch::command();
    command
        .args(["-d", "0", "-f", "json", "--no-save", "--"])
        .arg(&binary)
        .arg("-stubborn");
    command.stdin(std::process::Stdio::piped());
    let mut rtprobe = Process::spawn(&mut command);
    rtprobe.wait_for("attached ", PROMPT);
    let child = child_command(rtprobe.pid());
    thread::sleep(Duration::from_millis(300));
    // The command does not end when it is asked to, and rtprobe waits for it.
    rtprobe.signal(libc::SIGINT);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(rtprobe.try_wait(), None);
    rtprobe.signal(libc::SIGINT);
    let ended = rtprobe.end_alone(PROMPT);
    assert_eq!(ended.status.code(), Some(130), "{:#?}", ended.stderr);
    // It may have been ended along with rtprobe.
    if std::fs::exists(format!("/proc/{child}")).unwrap() {
        signal(child, libc::SIGKILL);
    }
}

#[test]
fn a_holder_that_is_gone_ends_the_run() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    let watch = Watch::start(target.pid());
    thread::sleep(Duration::from_millis(500));
    signal(holder(watch.rtprobe.pid()), libc::SIGKILL);
    let ended = watch.rtprobe.end(PROMPT).with_code(1);
    assert_eq!(report(&ended.stdout).window.ended_by, EndedBy::ProbesLost);
    assert_eq!(differing_bytes(target.pid()), 0);
}

#[test]
fn a_stopped_target_is_told_and_gets_no_clean_bill() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    signal(target.pid(), libc::SIGSTOP);
    let watch = Watch::start(target.pid());
    thread::sleep(Duration::from_secs(2));
    let report = watch.finish();
    signal(target.pid(), libc::SIGCONT);
    let told = |note: &String| note.starts_with("the target was stopped for about 2.");
    assert!(
        report.cannot_see.iter().any(told),
        "{:#?}",
        report.cannot_see
    );
    let is_it = |verdict: &&RuleVerdict| verdict.rule == "channel-counter";
    let verdict = report.rules.iter().find(is_it).unwrap();
    assert_eq!(verdict.verdict, Verdict::NotEnoughData, "{verdict:?}");
}

/// The process that holds the probes: the child that was started under that name.
fn holder(pid: u32) -> u32 {
    let is_it = |child: &&str| {
        let name = std::fs::read(format!("/proc/{child}/cmdline"));
        name.is_ok_and(|name| name.starts_with(b"rtprobe-links"))
    };
    let children = children(pid);
    let holder = children.split_whitespace().find(is_it);
    holder
        .and_then(|child| child.parse().ok())
        .unwrap_or_else(|| panic!("children of {pid}: {children}"))
}

fn children(pid: u32) -> String {
    let mut children = String::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let path = task.unwrap().path().join("children");
        children.push_str(&std::fs::read_to_string(path).unwrap());
    }
    children
}

/// The command: the child that runs another program than rtprobe itself.
fn child_command(pid: u32) -> u32 {
    let program = |pid: &str| std::fs::read_link(format!("/proc/{pid}/exe")).ok();
    let own = program(&pid.to_string());
    let children = children(pid);
    children
        .split_whitespace()
        .find(|child| program(child) != own)
        .and_then(|child| child.parse().ok())
        .unwrap_or_else(|| panic!("children of {pid}: {children}"))
}
