//! SIGKILL of the recorder, and the file that is left.

use std::{
    fs::{self, File},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use probe_user::{recording, report::EndedBy};
use rtprobe_tests::go::{Kind, NEWEST};

use super::Public;
use crate::support::{GoTarget, Watch, assert_sums, report, require_go, require_root};

/// Sends per second and call site that the target makes, evenly.
const RATE: &str = "2000";
/// A second between two snapshots, and what writing one may take on a busy machine.
const LAST_SECOND: Duration = Duration::from_millis(1_500);

fn recorded_for(path: &Path) -> Option<Duration> {
    let recording = recording::read(File::open(path).ok()?).ok()?;
    Some(Duration::from_nanos(recording.elapsed_ns))
}

#[test]
fn a_killed_recorder_leaves_all_but_the_last_second() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let public = Public::new();
    let exe = public.dir.path().join("target");
    fs::copy(go.build("truth", Kind::Stripped), &exe).unwrap();
    let mut target = GoTarget::start(
        &exe,
        &["-wait", "-probe", "chan", "-n", "100000000", "-rate", RATE],
    );
    let file = public.dir.path().join("killed.rtp");
    let options = [
        "-d",
        "0",
        "--max-overhead",
        "none",
        "--save",
        file.to_str().unwrap(),
    ];
    let watch = Watch::start_with(target.pid(), &options);
    let on = Instant::now();
    target.begin();
    let give_up = on + Duration::from_secs(30);
    while recorded_for(&file).is_none_or(|recorded| recorded < Duration::from_secs(3)) {
        assert!(Instant::now() < give_up, "no three seconds are recorded");
        thread::sleep(Duration::from_millis(50));
    }
    watch.rtprobe.signal(libc::SIGKILL);
    let watched = on.elapsed();
    drop(watch);
    drop(target);
    fs::remove_file(&exe).unwrap();

    let copy = public.add_as(&file, "copy.rtp");
    let report = report(&public.report(&copy, "json"));
    assert_sums(&report);
    assert_eq!(report.window.ended_by, EndedBy::RecorderLost);
    let reaches = Duration::from_nanos(report.window.duration_ns);
    assert!(
        reaches + LAST_SECOND >= watched,
        "reaches {reaches:?} of {watched:?}"
    );
    let sends = report
        .probes
        .iter()
        .find(|probe| probe.name == "chan-send")
        .unwrap()
        .hits as f64;
    let expected = RATE.parse::<f64>().unwrap() * reaches.as_secs_f64();
    assert!(
        (0.7..1.1).contains(&(sends / expected)),
        "{sends} sends in {reaches:?}"
    );
    let named = |site: &&probe_user::report::CallSite| &*site.function == "main.sendFunction";
    assert!(
        report
            .call_sites
            .iter()
            .find(named)
            .is_some_and(|site| site.hits > 0)
    );
    for format in ["text", "pprof", "folded"] {
        assert!(!public.report(&copy, format).is_empty(), "{format}");
    }
}
