//! Attaching and detaching, over and over, to a program that does everything that is hard on probes.

use rtprobe_tests::go::{Kind, NEWEST};

use crate::support::{
    END, GoTarget, Process, Watch, assert_sums, differing_bytes, report, require_go, require_root,
};

const CYCLES: usize = 100;

/// One run of rtprobe over `window`, its sums checked.
fn watch(pid: u32, window: &str) -> u64 {
    let mut command = Watch::command();
    let pid = pid.to_string();
    command.args(["--pid", &pid, "-d", window, "-f", "json", "--no-save"]);
    let ended = Process::spawn(&mut command).end(END).with_code(0);
    let report = report(&ended.stdout);
    assert_sums(&report);
    report.probes.iter().map(|probe| probe.hits).sum()
}

fn survives(version: &'static str, kind: Kind, cycles: usize) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let mut target = GoTarget::start(&go.build("torture", kind), &["-duration", "1h"]);
    let mut hits = 0;
    for cycle in 0..cycles {
        hits += watch(target.pid(), if cycle % 10 == 9 { "500ms" } else { "50ms" });
        if cycle % 10 == 0 {
            assert_eq!(differing_bytes(target.pid()), 0, "after cycle {cycle}");
        }
    }
    assert!(hits > 0, "nothing was seen");
    assert_eq!(differing_bytes(target.pid()), 0);
    target.end_input();
    let sums = target.wait_for("OK");
    assert!(target.finish().success());
    eprintln!("{cycles} cycles, {hits} operations seen; {sums}");
}

#[test]
fn a_tortured_program_survives_a_hundred_cycles() {
    survives(NEWEST, Kind::Plain, CYCLES);
}

#[test]
fn a_tortured_program_of_an_old_go_survives_cycles() {
    survives("1.21.13", Kind::StrippedPie, CYCLES / 5);
}
