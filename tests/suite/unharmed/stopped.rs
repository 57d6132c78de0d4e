//! A target that is stopped by SIGSTOP.

use std::{fs, thread, time::Duration};

use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{GoTarget, Watch, differing_bytes, require_go, require_root, signal};

fn wait_until_stopped(pid: u32) {
    for _ in 0..1000 {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.rsplit(") ").next().unwrap().starts_with('T') {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{pid} does not stop");
}

#[test]
fn a_stopped_target_is_armed_and_restored() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut target = GoTarget::start(&go.build("torture", Kind::Plain), &["-duration", "1h"]);
    signal(target.pid(), libc::SIGSTOP);
    wait_until_stopped(target.pid());
    let watch = Watch::start(target.pid());
    assert!(differing_bytes(target.pid()) > 0, "no site is armed");
    let report = watch.finish();
    assert_eq!(report.probes.iter().map(|probe| probe.hits).sum::<u64>(), 0);
    assert_eq!(differing_bytes(target.pid()), 0);

    // And what is stopped while it is watched goes on being watched.
    let watch = Watch::start(target.pid());
    signal(target.pid(), libc::SIGCONT);
    thread::sleep(Duration::from_millis(500));
    let report = watch.finish();
    assert!(report.probes.iter().map(|probe| probe.hits).sum::<u64>() > 0);
    assert_eq!(differing_bytes(target.pid()), 0);
    target.end_input();
    target.wait_for("OK");
    assert!(target.finish().success());
}
