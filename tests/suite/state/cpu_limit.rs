use std::{fs, path::PathBuf, process};

use rtprobe_tests::go::{Kind, NEWEST};

use super::{Observed, answer};
use crate::support::{GoTarget, require_go, require_root};

/// A control group of version 1 that is removed when the test ends.
struct Group(PathBuf);

impl Group {
    fn with_quota(us: u32) -> Option<Self> {
        let group = PathBuf::from(format!("/sys/fs/cgroup/cpu/rtprobe-test-{}", process::id()));
        fs::create_dir(&group).ok()?;
        let group = Self(group);
        let inner = group.0.join("inner");
        fs::create_dir(inner).ok()?;
        fs::write(group.0.join("cpu.cfs_quota_us"), us.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for group in [self.0.join("inner"), self.0.clone()] {
            if let Err(error) = fs::remove_dir(&group) {
                eprintln!("warning: {} stays: {error}", group.display());
            }
        }
    }
}

#[test]
fn quota_of_the_group_above_and_its_throttling_are_seen() {
    let Some(()) = require_root() else { return };
    let Some(go) = require_go(NEWEST) else { return };
    // Declared before the target, which has to leave the group first.
    let Some(group) = Group::with_quota(20_000) else {
        eprintln!("skipped: no control group of version 1 can be made here");
        return;
    };
    let mut target = GoTarget::start(&go.build("census", Kind::Stripped), &[]);
    let free = Observed::of(&target).read().cpu_limit.unwrap();
    assert_eq!(free.cpus, None);
    assert!(free.affinity.is_some_and(|cpus| cpus > 0));
    fs::write(group.0.join("inner/cgroup.procs"), target.pid().to_string()).unwrap();
    let _done: serde_json::Value = answer(&mut target, "work allocate 20000000");
    let limited = Observed::of(&target).read().cpu_limit.unwrap();
    assert_eq!(limited.cpus, Some(0.2));
    assert!(limited.throttled_periods > Some(0), "{limited:?}");
    assert!(limited.throttled_ns > Some(0), "{limited:?}");
}
