//! Places that the report can't be written to.

use std::{io, os::fd::OwnedFd, process::Stdio, time::Duration};

use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    END, Ended, GoTarget, Process, Watch, differing_bytes, require_go, require_root,
};

fn target() -> Option<GoTarget> {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return None;
    };
    Some(GoTarget::start(
        &go.build("torture", Kind::Plain),
        &["-duration", "1h"],
    ))
}

#[track_caller]
fn record(pid: u32, options: &[&str]) -> Ended {
    let mut command = Watch::command();
    command
        .args(["--pid", &pid.to_string(), "-d", "300ms"])
        .args(options);
    Process::spawn(&mut command).end(END)
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let Some(target) = target() else { return };
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = Watch::command();
    command.args([
        "--pid",
        &target.pid().to_string(),
        "-d",
        "300ms",
        "--no-save",
        "-f",
        "json",
    ]);
    command.stdout(Stdio::from(OwnedFd::from(writer)));
    let ended = Process::spawn(&mut command).end(END).with_code(0);
    let stderr = ended.stderr.join("\n");
    assert!(
        !stderr.contains("error") && !stderr.contains("panic"),
        "{stderr}"
    );
    assert_eq!(differing_bytes(target.pid()), 0);
}

#[test]
fn a_closed_stderr_is_no_failure() {
    let Some(target) = target() else { return };
    let script = "exec \"$0\" --pid \"$1\" -d 300ms --no-save -f json 2>&-";
    let rtprobe = crate::support::binary();
    let mut command = std::process::Command::new("/bin/sh");
    command
        .args(["-c", script])
        .arg(rtprobe)
        .arg(target.pid().to_string());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    crate::support::report(&output.stdout);
}

#[test]
fn a_full_disk_is_said_and_costs_only_what_is_written_there() {
    let Some(target) = target() else { return };
    // The report.
    let ended = record(target.pid(), &["--no-save", "-o", "/dev/full"]).with_code(1);
    let stderr = ended.stderr.join("\n");
    let expected = "error: failed to write the report to /dev/full: No space left on device";
    assert!(stderr.contains(expected), "{stderr}");
    // The recording: the report is there all the same.
    let ended = record(target.pid(), &["--save", "/dev/full", "-f", "json"]).with_code(1);
    let stderr = ended.stderr.join("\n");
    assert!(
        stderr.contains("error: failed to write the recording"),
        "{stderr}"
    );
    assert!(stderr.contains("No space left on device"), "{stderr}");
    // Standard output.
    let mut command = Watch::command();
    command.args([
        "--pid",
        &target.pid().to_string(),
        "-d",
        "300ms",
        "--no-save",
    ]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let ended = Process::spawn(&mut command).end(END).with_code(1);
    assert!(
        ended.stderr.join("\n").contains("No space left on device"),
        "{:?}",
        ended.stderr
    );
    assert_eq!(differing_bytes(target.pid()), 0);
}

#[test]
fn what_can_t_be_written_fails_before_anything_is_attached() {
    let Some(target) = target() else { return };
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing/report.json");
    let a_file = dir.path().join("file");
    std::fs::write(&a_file, "").unwrap();
    let below_a_file = a_file.join("report.json");
    let places = [
        missing.to_str().unwrap(),
        below_a_file.to_str().unwrap(),
        "/sys/report.json",
    ];
    for place in places {
        for option in ["-o", "--save"] {
            let ended = record(target.pid(), &[option, place]).with_code(1);
            let stderr = ended.stderr.join("\n");
            assert!(
                stderr.contains("error: failed to open"),
                "{option} {place}: {stderr}"
            );
            assert!(stderr.contains(place), "{option} {place}: {stderr}");
            assert!(!stderr.contains("attached"), "{option} {place}: {stderr}");
        }
    }
}

#[test]
fn a_report_replaces_a_file_as_a_whole() {
    let Some(target) = target() else { return };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("report.json");
    std::fs::write(&file, "before").unwrap();
    let options = ["-d", "0", "--no-save", "-o", file.to_str().unwrap()];
    let watch = Watch::start_with(target.pid(), &options);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    watch.interrupt();
    crate::support::report(&std::fs::read(&file).unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
