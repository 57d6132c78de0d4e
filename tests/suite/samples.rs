//! CPU samples agree with what programs measure of themselves.

use std::path::Path;

use probe_user::report::{Cpu, CpuStack, Report};
use rtprobe_tests::go::{Kind, NEWEST};
use serde::Deserialize;

use crate::support::{END, GoTarget, Process, Watch, report, require_go, require_root};

/// What `burn` prints when it has spent its time.
#[derive(Clone, Debug, Deserialize)]
struct Burnt {
    parts: Vec<Part>,
    /// Of the whole process.
    cpu_ns: u64,
}

#[derive(Clone, Debug, Deserialize)]
struct Part {
    function: String,
    innermost: String,
    cpu_ns: u64,
}

/// Standard deviations that a figure from samples may be away from the truth: once in 150 000.
const SIGMAS: f64 = 4.5;
/// What the work between the parts, and the parts' own clock reads, may add to a share.
const BETWEEN_PARTS: f64 = 0.01;
/// Ticks that a virtual machine's clock may deliver late, and so only once for several.
const LATE_TICKS: f64 = 0.1;

fn watched(binary: &Path, cpu: &str) -> (Burnt, Report) {
    let mut target = GoTarget::start(binary, &["-wait", "-cpu", cpu]);
    let watch = Watch::start(target.pid());
    target.begin();
    let burnt = serde_json::from_str(&target.wait_for("{")).unwrap();
    let report = watch.finish();
    assert!(target.finish().success());
    (burnt, report)
}

fn is_of(part: &Part, stack: &CpuStack) -> bool {
    let at = stack
        .stack
        .iter()
        .position(|f| *f.function == *part.innermost);
    // The caller of a function without a frame, or of an inlined one, is the next frame and no other.
    at.is_some_and(|at| {
        part.innermost == part.function
            || (stack.stack.get(at + 1)).is_some_and(|caller| *caller.function == *part.function)
    })
}

#[track_caller]
fn assert_shares(burnt: &Burnt, cpu: &Cpu) {
    let found = cpu.samples - cpu.lost - cpu.probing;
    let spent: u64 = burnt.parts.iter().map(|part| part.cpu_ns).sum();
    for part in &burnt.parts {
        let of_part = cpu.stacks.iter().filter(|stack| is_of(part, stack));
        let samples: u64 = of_part.map(|stack| stack.samples).sum();
        let (told, truth) = (
            samples as f64 / found as f64,
            part.cpu_ns as f64 / spent as f64,
        );
        let tolerance = SIGMAS * (truth * (1.0 - truth) / found as f64).sqrt() + BETWEEN_PARTS;
        assert!(
            (told - truth).abs() <= tolerance,
            "{}: {told:.3} of {found} samples, {truth:.3} of the time; {:#?}",
            part.function,
            cpu.stacks
        );
    }
}

#[track_caller]
fn assert_time(cpu_ns: u64, cpu: &Cpu) {
    let expected = cpu_ns as f64 * f64::from(cpu.hertz) / 1e9;
    let tolerance = SIGMAS * expected.sqrt() + LATE_TICKS * expected;
    assert!(
        (cpu.samples as f64 - expected).abs() <= tolerance,
        "{} samples where {expected:.0} are {cpu_ns} ns",
        cpu.samples
    );
}

fn shares_are_the_programs_own(version: &'static str, kind: Kind) {
    let (Some(()), Some(go)) = (require_root(), require_go(version)) else {
        return;
    };
    let (burnt, report) = watched(&go.build("burn", kind), "5s");
    let cpu = report.cpu.unwrap();
    assert_shares(&burnt, &cpu);
    assert_time(burnt.cpu_ns, &cpu);
    assert_eq!(cpu.lost, 0);
    assert!(
        cpu.partial * 100 <= cpu.samples,
        "{} stacks are cut",
        cpu.partial
    );
    let haul = cpu
        .functions
        .iter()
        .find(|f| f.function == "main.haul")
        .unwrap();
    assert!(haul.file.ends_with("work.go") && haul.line > 0, "{haul:?}");
    // All of its time is the runtime's, which it is charged with.
    assert!(haul.samples > 10 * haul.own_samples, "{haul:?}");
    let copying = cpu.groups.iter().find(|group| group.group == "copying");
    assert!(copying.is_some_and(|group| group.samples >= haul.samples * 9 / 10));
}

#[test]
fn go1_21_shares_are_the_programs_own() {
    shares_are_the_programs_own("1.21.13", Kind::Plain);
}

#[test]
fn go1_21_stripped_shares_are_the_programs_own() {
    shares_are_the_programs_own("1.21.13", Kind::Stripped);
}

#[test]
fn go1_27_shares_are_the_programs_own() {
    shares_are_the_programs_own("1.27.3", Kind::Plain);
}

#[test]
fn go1_27_stripped_position_independent_shares_are_the_programs_own() {
    shares_are_the_programs_own("1.27.3", Kind::StrippedPie);
}

#[test]
fn a_command_is_sampled_from_its_start() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let mut command = Watch::command();
    command
        .args(["-d", "0", "-f", "json", "--no-save", "--"])
        .arg(go.build("burn", Kind::Stripped))
        .args(["-cpu", "2s"]);
    let ended = Process::spawn(&mut command).end(END).with_code(0);
    // The command writes to the same stdout, and has ended when the report is written.
    let text = String::from_utf8(ended.stdout).unwrap();
    let at = text.find("\n{\n").unwrap();
    let truth = text[..at]
        .lines()
        .find(|line| line.starts_with('{'))
        .unwrap();
    let burnt: Burnt = serde_json::from_str(truth).unwrap();
    let cpu = report(&text.as_bytes()[at + 1..]).cpu.unwrap();
    assert_time(burnt.cpu_ns, &cpu);
    assert_shares(&burnt, &cpu);
}

#[test]
fn another_process_of_the_same_binary_is_not_sampled() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let binary = go.build("burn", Kind::Plain);
    let idle = GoTarget::start(&binary, &["-wait"]);
    let watch = Watch::start(idle.pid());
    let mut other = GoTarget::start(&binary, &["-cpu", "1s"]);
    other.wait_for("{");
    let cpu = watch.finish().cpu.unwrap();
    // A hundred would be the other's; sysmon alone wakes up in an idle program.
    assert!(cpu.samples <= 5, "{cpu:#?}");
    assert!(other.finish().success());
}

#[test]
fn without_a_budget_there_are_no_samples() {
    let (Some(()), Some(go)) = (require_root(), require_go(NEWEST)) else {
        return;
    };
    let target = GoTarget::start(&go.build("burn", Kind::Plain), &["-wait"]);
    let options = ["-d", "0", "--max-overhead", "0%", "-f", "json", "--no-save"];
    let report = Watch::start_with(target.pid(), &options).finish();
    assert_eq!(report.cpu, None);
}
