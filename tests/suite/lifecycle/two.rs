//! Two watchers at one target.

use rtprobe_tests::go::{Kind, NEWEST};

use crate::{
    counts::assert_exact,
    support::{GoTarget, Watch, differing_bytes, require_go, require_root},
};

#[test]
fn two_watchers_are_both_exact_in_whichever_order_they_leave() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("truth", Kind::Plain);
    for first_leaves_first in [true, false] {
        let mut target = GoTarget::start(&binary, &["-wait", "-n", "500"]);
        let mut watches = vec![Watch::start(target.pid()), Watch::start(target.pid())];
        if !first_leaves_first {
            watches.reverse();
        }
        target.begin();
        let truth = target.truth();
        let last = watches.remove(1);
        let report = watches.remove(0).finish();
        assert_exact(&truth, &report);
        assert!(
            differing_bytes(target.pid()) > 0,
            "the other one is gone too"
        );
        assert_exact(&truth, &last.finish());
        assert_eq!(differing_bytes(target.pid()), 0);
        assert!(target.finish().success());
    }
}

#[test]
fn a_second_watcher_is_told_of_the_first() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    let first = Watch::start(target.pid());
    let second = Watch::start(target.pid());
    let expected = format!(
        "another rtprobe (pid {}) watches this process",
        first.rtprobe.pid()
    );
    let said = second
        .rtprobe
        .stderr
        .iter()
        .any(|line| line.contains(&expected));
    assert!(said, "{:#?}", second.rtprobe.stderr);
}

#[test]
fn a_watcher_that_comes_and_goes_does_not_disturb_the_other() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait", "-n", "3000"]);
    let watch = Watch::start(target.pid());
    target.begin();
    for _ in 0..3 {
        Watch::start(target.pid()).interrupt();
    }
    let truth = target.truth();
    assert_exact(&truth, &watch.finish());
    assert_eq!(differing_bytes(target.pid()), 0);
}
