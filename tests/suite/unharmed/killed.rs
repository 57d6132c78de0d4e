//! SIGKILL of rtprobe in the midst of its work.

use std::{collections::BTreeSet, fs, process::Command, time::Duration};

use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    GoTarget, Watch, differing_bytes, require_go, require_root, wait_until_restored,
};

/// What the kernel may take to clean up behind a process.
const CLEAN_UP: Duration = Duration::from_secs(1);
const KINDS: [&str; 3] = ["link", "prog", "map"];

/// Identifiers of the links, programs and maps that a process holds, by kind.
fn bpf_objects(pid: u32) -> BTreeSet<(&'static str, u64)> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fdinfo")).unwrap() {
        // A descriptor that is closed meanwhile is none.
        let text = fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        for kind in KINDS {
            let key = format!("{kind}_id:");
            let id = text.lines().find_map(|line| line.strip_prefix(&key));
            found.extend(id.map(|id| (kind, id.trim().parse().unwrap())));
        }
    }
    found
}

fn is_there(kind: &str, id: u64) -> bool {
    let id = id.to_string();
    Command::new("bpftool")
        .args([kind, "show", "id", &id])
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn killing_rtprobe_leaves_nothing_behind() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let Some(()) = crate::support::require_command("bpftool") else {
        return;
    };
    let mut target = GoTarget::start(&go.build("torture", Kind::Stripped), &["-duration", "1h"]);
    for _ in 0..3 {
        let watch = Watch::start(target.pid());
        assert!(differing_bytes(target.pid()) > 0, "no site is armed");
        let objects = bpf_objects(watch.rtprobe.pid());
        for kind in KINDS {
            assert!(
                objects.iter().any(|(k, _)| *k == kind),
                "no {kind} in {objects:?}"
            );
        }
        for (kind, id) in objects.iter().filter(|(kind, _)| *kind != "link") {
            assert!(is_there(kind, *id), "{kind} {id} is not there before");
        }
        watch.rtprobe.signal(libc::SIGKILL);
        let took = wait_until_restored(target.pid(), CLEAN_UP);
        eprintln!("restored {took:?} after SIGKILL");
        std::thread::sleep(CLEAN_UP.checked_sub(took).unwrap());
        let left: Vec<_> = objects
            .iter()
            .filter(|(kind, id)| is_there(kind, *id))
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
    target.end_input();
    target.wait_for("OK");
    assert!(target.finish().success());
}
