//! A line in a module that somebody else wrote is told with the line of the program that called it.

use rtprobe_tests::go::{Kind, NEWEST, VERSIONS};

use crate::support::{END, GoTarget, Process, Watch, report, require_go, require_root};

fn assert_caller_is_named(version: &'static str, kind: Kind) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let target = GoTarget::start(&go.build("borrowed", kind), &[]);
    let mut command = Watch::command();
    command.args([
        "--pid",
        &target.pid().to_string(),
        "-f",
        "json",
        "--no-save",
    ]);
    command.args([
        "-d",
        "2s",
        "--only",
        "caller-per-log",
        "--max-overhead",
        "none",
    ]);
    let report = report(&Process::spawn(&mut command).end(END).with_code(0).stdout);
    let [finding] = &report.findings[..] else {
        panic!("{kind:?}: {:#?}", report.findings);
    };
    let site = finding.call_site.as_ref().unwrap();
    assert_eq!(site.function, "example.com/logs.output", "{kind:?}");
    let from = finding.called_from.as_ref().unwrap();
    assert_eq!(
        (from.function.as_str(), from.line),
        ("main.handle", 29),
        "{kind:?}"
    );
}

#[test]
fn who_calls_a_borrowed_line_is_named_at_the_oldest_release() {
    assert_caller_is_named(VERSIONS[0], Kind::Stripped);
}

#[test]
fn who_calls_a_borrowed_line_is_named_with_trimmed_paths() {
    assert_caller_is_named(NEWEST, Kind::Trimpath);
}
