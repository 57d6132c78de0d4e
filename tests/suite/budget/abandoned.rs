//! rtprobe is stopped while its probes are on.

use std::time::Duration;

use super::meter;
use crate::support::{END, Watch, differing_bytes, wait_until_restored};

/// 5 s after the last heartbeat, which is at most half a second old, and what taking off takes.
const ABANDONED: Duration = Duration::from_secs(6);
/// For a machine that is busy.
const SLACK: Duration = Duration::from_secs(10);

#[test]
fn a_stopped_rtprobe_leaves_the_target_alone() {
    let Some(mut target) = meter::start("send") else {
        return;
    };
    let first = meter::read(&mut target);
    std::thread::sleep(Duration::from_secs(1));
    let second = meter::read(&mut target);
    let watch = Watch::start(target.pid());
    assert!(differing_bytes(target.pid()) > 0, "no site is armed");
    watch.rtprobe.signal(libc::SIGSTOP);
    let took = wait_until_restored(target.pid(), ABANDONED + SLACK);
    assert!(
        took > Duration::from_secs(3),
        "restored after {took:?}: by what?"
    );

    let third = meter::read(&mut target);
    std::thread::sleep(Duration::from_secs(1));
    let fourth = meter::read(&mut target);
    let speed = fourth.speed_since(third) / second.speed_since(first);
    eprintln!(
        "restored {took:?} after SIGSTOP; then at {:.1} % of its speed",
        speed * 1e2
    );

    watch.rtprobe.signal(libc::SIGCONT);
    watch.rtprobe.signal(libc::SIGINT);
    watch.rtprobe.end(END).with_code(0);
    assert_eq!(differing_bytes(target.pid()), 0);
}
