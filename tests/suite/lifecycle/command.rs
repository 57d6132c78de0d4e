//! `rtprobe -- CMD`.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use probe_user::report::EndedBy;
use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{END, Ended, Process, Watch, report, require_go, require_root};

const NOBODY: u32 = 65534;

/// Runs rtprobe over a command, as `sudo` of nobody's would.
#[track_caller]
fn as_nobody(options: &[&str], command: &[&str], dir: &Path) -> Ended {
    let mut rtprobe = Watch::command();
    let nobody = NOBODY.to_string();
    rtprobe
        .env("SUDO_UID", &nobody)
        .env("SUDO_GID", &nobody)
        .env("SUDO_USER", "nobody");
    rtprobe
        .args(options)
        .arg("--")
        .args(command)
        .current_dir(dir);
    Process::spawn(&mut rtprobe).end(END)
}

#[test]
fn a_command_runs_as_the_invoking_user_and_its_end_is_reported() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let exe = dir.path().join("changeling");
    fs::copy(go.build("changeling", Kind::Plain), &exe).unwrap();
    let (output, recording) = (dir.path().join("report.json"), dir.path().join("run.rtp"));
    let files = [&output, &recording].map(|path| path.to_str().unwrap());
    let options = ["-d", "0", "-o", files[0], "--save", files[1]];
    let ended = as_nobody(
        &options,
        &[exe.to_str().unwrap(), "-now", "-exit", "7"],
        dir.path(),
    );
    let ended = ended.with_code(0);
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(
        said.starts_with("READY uid 65534 gid 65534 groups [65534]"),
        "{said}"
    );
    let report = report(&fs::read(&output).unwrap());
    assert_eq!(report.window.ended_by, EndedBy::TargetExit);
    let told = |line: &String| line.contains("ended with exit code 7");
    assert!(
        report.cannot_see.iter().any(told),
        "{:?}",
        report.cannot_see
    );
    for file in [&output, &recording] {
        assert_eq!(
            fs::metadata(file).unwrap().uid(),
            NOBODY,
            "{}",
            file.display()
        );
    }
}

#[test]
fn a_command_that_outlives_the_window_is_ended() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("truth", Kind::Plain);
    let mut command = Watch::command();
    command
        .args(["-d", "1s", "-f", "json", "--no-save", "--"])
        .arg(&binary);
    let mut rtprobe =
        Process::spawn(command.args(["-probe", "chan", "-n", "100000000", "-rate", "100"]));
    rtprobe.wait_for("attached ", END);
    let ended = rtprobe.end(END).with_code(0);
    let text = String::from_utf8(ended.stdout).unwrap();
    let by_itself = text.contains("\"elapsed_ns\"");
    assert!(
        by_itself,
        "it was not allowed to end by itself: {text:.300}"
    );
    let json = &text[text.find("{\n").unwrap_or_else(|| panic!("{text:.300}"))..];
    let report = report(json.as_bytes());
    assert_eq!(report.window.ended_by, EndedBy::Duration);
    assert!(
        report
            .cannot_see
            .iter()
            .any(|line| line.contains("the command ended well"))
    );
}

#[test]
fn what_can_t_be_started_or_profiled_is_refused() {
    let Some(()) = require_root() else { return };
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    fs::write(&script, "#!/bin/sh\necho started\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    for command in [
        "/no/such/program",
        "no-such-program",
        "/bin/true",
        script.to_str().unwrap(),
    ] {
        let ended = as_nobody(&["-d", "0", "--no-save"], &[command], dir.path());
        let stderr = ended.stderr.join("\n");
        assert_eq!(ended.status.code(), Some(3), "{command}: {stderr}");
        assert!(stderr.contains("error: "), "{command}: {stderr}");
        assert!(ended.stdout.is_empty(), "{command} was started");
    }
}
