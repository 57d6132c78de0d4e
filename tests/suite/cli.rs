//! The command line of the binary: what is printed where, and the exit codes of wrong usage.

use std::process::{Command, Output};

use crate::support::{binary, rtprobe};

/// No process has it: pids are below 2^22 (`PID_MAX_LIMIT`, include/linux/threads.h).
const NO_PID: &str = "4194304";

fn with_environment(variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(args).envs(variables.iter().copied());
    command.output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_and_version_go_to_stdout() {
    for args in [
        &["--help"][..],
        &["-V"],
        &["record", "--help"],
        &["ps", "-h"],
    ] {
        let output = rtprobe(args);
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(
            !output.stdout.is_empty() && output.stderr.is_empty(),
            "{args:?}"
        );
        assert!(
            !output.stdout.contains(&0x1b),
            "{args:?}: styles without a terminal"
        );
    }
}

#[test]
fn wrong_usage_is_three_lines_on_stderr() {
    let output = rtprobe(&["--pid", "1", "--only", "chansend"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    let lines: Vec<&str> = text.lines().collect();
    let [error, found, next] = lines[..] else {
        panic!("{text}");
    };
    assert!(error.starts_with("error: `chansend`"), "{text}");
    assert!(
        found.starts_with("found: did you mean `chan-send`?"),
        "{text}"
    );
    assert_eq!(next, "try: rtprobe explain");
}

#[test]
fn bare_call_says_what_is_missing() {
    let output = rtprobe(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("try: rtprobe ps"));
}

#[test]
fn environment_gives_what_was_not_typed() {
    let junk = [("RTPROBE_DURATION", "30")];
    let from_environment = with_environment(&junk, &["--pid", NO_PID]);
    assert_eq!(from_environment.status.code(), Some(2));
    assert!(stderr(&from_environment).contains("no unit"));
    let typed = with_environment(&junk, &["--pid", NO_PID, "--duration", "1s"]);
    assert_eq!(typed.status.code(), Some(5), "{}", stderr(&typed));
}

#[test]
fn typed_command_wins_over_the_pid_of_the_environment() {
    let pid = [("RTPROBE_PID", NO_PID)];
    let alone = with_environment(&pid, &[]);
    assert_eq!(alone.status.code(), Some(5), "{}", stderr(&alone));
    let beside = with_environment(&pid, &["--", "/no/such/program"]);
    assert!(
        stderr(&beside).contains("/no/such/program"),
        "{}",
        stderr(&beside)
    );
}

#[test]
fn variables_of_record_do_not_hinder_other_commands() {
    let output = with_environment(
        &[("RTPROBE_FORMAT", "pprof"), ("RTPROBE_PID", "1")],
        &["ps"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
