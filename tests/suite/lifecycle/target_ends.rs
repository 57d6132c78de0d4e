//! The target ends, or becomes another program, while it is watched.

use std::time::Duration;

use probe_user::report::{EndedBy, Report};
use rtprobe_tests::go::{Kind, NEWEST};

use crate::{
    counts::assert_exact,
    support::{END, GoTarget, Watch, assert_sums, report, require_go, require_root},
};

/// What may pass until an exec is noticed, which nobody announces, and the report is there.
const NOTICED: Duration = Duration::from_secs(5);

#[test]
fn a_target_that_ends_is_reported_to_its_last_operation() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait", "-n", "500"]);
    let watch = Watch::start(target.pid());
    target.begin();
    let truth = target.truth();
    assert!(target.finish().success());
    let report = report(&watch.rtprobe.end(END).with_code(0).stdout);
    assert_eq!(report.window.ended_by, EndedBy::TargetExit);
    assert_exact(&truth, &report);
}

#[test]
fn a_target_that_is_killed_is_reported() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    let watch = Watch::start(target.pid());
    std::thread::sleep(Duration::from_millis(500));
    drop(target);
    let report = report(&watch.rtprobe.end(END).with_code(0).stdout);
    assert_eq!(report.window.ended_by, EndedBy::TargetExit);
    assert_sums(&report);
    assert!(report.probes.iter().any(|probe| probe.hits > 0));
}

/// Watches the changeling while it becomes `what`.
#[track_caller]
fn becoming(what: &str) -> Option<Report> {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return None;
    };
    let mut target = GoTarget::start(&go.build("changeling", Kind::Plain), &["-become", what]);
    let watch = Watch::start(target.pid());
    std::thread::sleep(Duration::from_millis(300));
    target.begin();
    if what == "self" {
        target.wait_for("READY");
    }
    Some(report(&watch.rtprobe.end(NOTICED).with_code(0).stdout))
}

#[test]
fn a_target_that_becomes_another_program_is_let_go() {
    let Some(report) = becoming("/bin/sleep 60") else {
        return;
    };
    assert_eq!(report.window.ended_by, EndedBy::TargetExec);
    assert_sums(&report);
    assert!(
        report
            .call_sites
            .iter()
            .any(|site| &*site.function == "main.main.func2")
    );
}

#[test]
fn a_target_that_becomes_itself_is_let_go() {
    let Some(report) = becoming("self") else {
        return;
    };
    assert_eq!(report.window.ended_by, EndedBy::TargetExec);
    assert_sums(&report);
}
