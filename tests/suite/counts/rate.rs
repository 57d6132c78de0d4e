//! Exact also when it is busy, and from the first instruction.

use probe_user::report::EndedBy;
use rtprobe_tests::go::{Kind, NEWEST};

use super::exact::{assert_exact, watched};
use crate::support::{
    END, Process, Truth, Watch, report, require_go, require_root, require_root_alone,
};

#[test]
fn hundreds_of_thousands_a_second_are_counted_exactly() {
    let (Some(()), Some(go)) = (require_root_alone(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("truth", Kind::Plain);
    let (truth, report) = watched(&binary, &["-probe", "chan", "-n", "60000"]);
    assert_exact(&truth, &report);
    let hits: u64 = report
        .probes
        .iter()
        .map(|probe| probe.hits + probe.completed)
        .sum();
    // A figure for the reader: how busy it was depends on the machine, what was counted does not.
    let rate = hits as f64 * 1e9 / truth.elapsed_ns as f64;
    eprintln!("{hits} entries and exits, {rate:.0} per second");
    assert!(hits > 1_000_000, "only {hits} entries and exits");
}

#[test]
fn a_command_is_counted_from_its_first_instruction() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("truth", Kind::Stripped);
    let mut command = Watch::command();
    command
        .args(["-d", "0", "-f", "json", "--no-save", "--"])
        .arg(&binary)
        .args(["-n", "500"]);
    let ended = Process::spawn(&mut command).end(END).with_code(0);
    // The command writes to the same stdout, and has ended when the report is written.
    let text = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at = lines
        .iter()
        .position(|line| line.contains("\"elapsed_ns\""))
        .unwrap();
    let truth: Truth = serde_json::from_str(lines[at]).unwrap();
    let report = report(lines[at + 1..].concat().as_bytes());
    assert_eq!(report.window.ended_by, EndedBy::TargetExit);
    assert_exact(&truth, &report);
    // What runs before main.main is counted too.
    let starts = report
        .call_sites
        .iter()
        .any(|site| site.stack.iter().any(|f| &*f.function == "runtime.main"));
    assert!(starts, "nothing of the start of the program was seen");
}
