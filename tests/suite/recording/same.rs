//! A report made from the recording is the report that was made live.

use std::fs;

use rtprobe_tests::go::{Kind, NEWEST};

use super::Public;
use crate::support::{GoTarget, Watch, report, require_go, require_root};

#[test]
fn a_recording_gives_the_live_report_byte_for_byte() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let public = Public::new();
    let mut target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait", "-n", "300"]);
    for format in ["json", "text", "folded", "pprof"] {
        let file = public.dir.path().join(format!("{format}.rtp"));
        let options = [
            "-d",
            "0",
            "--max-overhead",
            "none",
            "-f",
            format,
            "--save",
            file.to_str().unwrap(),
        ];
        let watch = Watch::start_with(target.pid(), &options);
        target.begin();
        if format == "json" {
            target.truth();
        }
        let live = watch.interrupt().stdout;
        let again = public.report(&public.add_as(&file, &format!("{format}-copy.rtp")), format);
        assert!(
            live == again,
            "{format}: {} bytes live, {} again",
            live.len(),
            again.len()
        );
        if format == "json" {
            assert!(report(&live).call_sites.len() > 50);
        }
    }
}

#[test]
fn only_root_may_read_what_root_recorded() {
    use std::os::unix::fs::PermissionsExt as _;
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("run.rtp");
    let target = GoTarget::start(&go.build("truth", Kind::Plain), &["-wait", "-n", "300"]);
    let watch = Watch::start_with(target.pid(), &["-d", "0", "--save", file.to_str().unwrap()]);
    watch.interrupt();
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
}
