//! Which process is looked at: wrappers, ends, namespaces, containers, deleted files; `ps` and `doctor`.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use rtprobe_tests::go::{Kind, NEWEST};
use serde_json::Value;

use crate::support::{
    GoTarget, binary, report, require_command, require_go, require_root, rtprobe,
};

/// The lines of a refusal: error, found, try; the last two where there are any.
fn refusal(output: &Output, code: i32) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(output.stdout.is_empty(), "{text}");
    assert!(text.starts_with("error: "), "{text}");
    text
}

fn json(args: &[&str], code: i32) -> Value {
    let output = rtprobe(args);
    assert_eq!(output.status.code(), Some(code));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn record(pid: u32) -> Output {
    rtprobe(&[
        "--pid",
        &pid.to_string(),
        "-d",
        "500ms",
        "--no-save",
        "-f",
        "json",
    ])
}

#[test]
fn process_that_is_not_there_is_named_with_what_to_type_next() {
    let Some(()) = require_root() else { return };
    let text = refusal(&record(4_194_304), 5);
    assert_eq!(
        text,
        "error: no process with pid 4194304\ntry: rtprobe ps\n"
    );
}

#[test]
fn thread_of_the_kernel_cannot_be_profiled() {
    let Some(()) = require_root() else { return };
    let text = refusal(&record(2), 3);
    assert!(
        text.contains("2 (kthreadd) is a thread of the kernel"),
        "{text}"
    );
}

#[test]
fn shell_leads_to_the_go_program_that_it_started() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let program = go.build("truth", Kind::Plain);
    let script = format!("{} -wait; true", program.display());
    let mut shell = GoTarget::spawn(Command::new("sh").args(["-c", &script]));
    shell.wait_for("READY");
    let text = refusal(&record(shell.pid()), 3);
    let child = child_of(shell.pid());
    let expected = format!(
        "error: pid {} (sh) is not a Go program\n\
         found: Go child {child} (truth, go{NEWEST})\n\
         try: rtprobe --pid {child}\n",
        shell.pid(),
    );
    assert_eq!(text, expected);
}

fn child_of(pid: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children
        .split_ascii_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn pid_of_a_container_leads_to_the_one_of_the_host() {
    let (Some(()), Some(()), Some(go)) = (
        require_root(),
        require_command("unshare"),
        require_go(NEWEST),
    ) else {
        return;
    };
    let program = go.build("truth", Kind::Plain);
    // A number that no process of the host has.
    let script = format!(
        "echo 4100000 > /proc/sys/kernel/ns_last_pid; {} -wait; true",
        program.display()
    );
    let unshare = ["--pid", "--fork", "--kill-child", "sh", "-c", &script];
    let mut target = GoTarget::spawn(Command::new("unshare").args(unshare));
    target.wait_for("READY");
    let shell = child_of(target.pid());
    let go_pid = child_of(shell);
    let status = fs::read_to_string(format!("/proc/{go_pid}/status")).unwrap();
    let inner: u32 = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:")?.split_ascii_whitespace().last())
        .and_then(|pid| pid.parse().ok())
        .unwrap();
    assert!(inner > 4_000_000, "{inner}");
    let text = refusal(&record(inner), 5);
    assert!(text.contains(&format!("here pid {go_pid}\n")), "{text}");
    assert!(
        text.ends_with(&format!("try: rtprobe --pid {go_pid}\n")),
        "{text}"
    );
    // The pid of the host is the one that works, namespace or not.
    let output = record(go_pid);
    assert_eq!(report(&output.stdout).target.pid, go_pid);
}

#[test]
fn program_that_was_replaced_on_disk_is_watched_as_it_runs() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("service");
    fs::copy(go.build("truth", Kind::Plain), &program).unwrap();
    let target = GoTarget::start(&program, &["-wait"]);
    fs::remove_file(&program).unwrap();
    fs::write(&program, "something else").unwrap();
    let output = record(target.pid());
    let found = report(&output.stdout).target;
    assert_eq!(Path::new(&found.exe), program);
    assert_eq!(found.go_version, format!("go{NEWEST}"));
    let doctor = json(
        &[
            "doctor",
            "--format",
            "json",
            "--pid",
            &target.pid().to_string(),
        ],
        0,
    );
    let executable = check(&doctor["target"], "executable");
    assert!(
        executable["found"]
            .as_str()
            .unwrap()
            .contains("deleted or replaced")
    );
}

fn check<'a>(checks: &'a Value, name: &str) -> &'a Value {
    let checks = checks.as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()
}

#[test]
fn ps_lists_a_running_program_with_its_kind() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("truth", Kind::Stripped), &["-wait"]);
    let listing = json(&["ps", "--format", "json"], 0);
    assert_eq!(listing["schema"], "rtprobe.ps/v1");
    let processes = listing["processes"].as_array().unwrap();
    let found = processes
        .iter()
        .find(|process| process["pid"] == target.pid())
        .expect("it is listed");
    assert_eq!(found["go_version"], format!("go{NEWEST}"));
    assert_eq!(found["module"], "example.com/truth");
    assert_eq!(found["binary"]["stripped"], true);
    let text = String::from_utf8(rtprobe(&["ps"]).stdout).unwrap();
    let line = text.lines().find(|line| {
        line.split_ascii_whitespace()
            .any(|word| word == target.pid().to_string())
    });
    assert!(
        line.is_some_and(|line| line.contains(&format!("go{NEWEST}"))),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn doctor_agrees_with_what_a_recording_does() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("truth", Kind::Pie), &["-wait"]);
    let pid = target.pid().to_string();
    let answer = json(&["doctor", "--format", "json", "--pid", &pid], 0);
    assert_eq!(answer["possible"], true);
    assert!(
        check(&answer["target"], "Go")["found"]
            .as_str()
            .unwrap()
            .contains("pie")
    );
    assert_ne!(check(&answer["target"], "load bias")["found"], "0x0");
    assert_eq!(record(target.pid()).status.code(), Some(0));
    let gone = json(&["doctor", "--format", "json", "--pid", "4194304"], 5);
    assert_eq!(gone["possible"], false);
    let kernel = json(&["doctor", "--format", "json", "--pid", "2"], 3);
    assert_eq!(kernel["exit_code"], 3);
}

#[test]
fn without_privileges_the_missing_ones_are_named_with_the_line_to_type() {
    let (Some(()), Some(()), Some(go)) = (
        require_root(),
        require_command("setpriv"),
        require_go(NEWEST),
    ) else {
        return;
    };
    let target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait"]);
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("rtprobe");
    fs::copy(binary(), &program).unwrap();
    let program = program.to_str().unwrap();
    let pid = target.pid().to_string();
    let as_nobody = |args: &[&str]| {
        Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", program])
            .args(args)
            .output()
            .unwrap()
    };
    let text = refusal(&as_nobody(&["--pid", &pid, "-d", "1s"]), 4);
    let expected = format!("\ntry: sudo {program} --pid {pid} -d 1s\n");
    assert!(text.ends_with(&expected), "{text}");
    let own = dir.path().join("own");
    fs::copy(go.build("truth", Kind::Plain), &own).unwrap();
    let text = refusal(&as_nobody(&["-d", "1s", "--", own.to_str().unwrap()]), 4);
    assert!(
        text.contains("missing CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE"),
        "{text}"
    );
    let doctor = as_nobody(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("Profiling is not possible."));
}
