//! Programs that do nothing but what is probed.

use std::{process::Command, thread, time::Duration};

use probe_user::report::{CallSite, ProbeState, Report};

use super::meter::{self, Reading};
use crate::support::{END, GoTarget, Process, Watch, assert_sums, differing_bytes, report};

const UNPROBED: Duration = Duration::from_secs(2);
/// Long enough that what one slow detaching costs on a busy machine is saved again.
const WATCHED_S: u64 = 10;
/// What is spent in advance or goes by before it is noticed, as a part of the budget.
const TOLERANCE: f64 = 1.3;
/// Runs of which one has to find the host calm.
const TRIES: usize = 3;
/// An interval of 95 % that does not hold the truth misses it by little.
const NEARLY: f64 = 1.25;

pub(super) struct Run {
    pub(super) report: Report,
    pub(super) before: Reading,
    pub(super) after: Reading,
}

impl Run {
    /// Returns what is told of a probe's operations in a function, at least, likely and at most, as a part of the truth.
    fn told(&self, probe: &str, function: &str) -> [f64; 3] {
        let truth = self.after.operations_since(self.before) as f64;
        let is_it = |site: &&CallSite| site.probe == probe && site.function.starts_with(function);
        let site = self.report.call_sites.iter().find(is_it).unwrap();
        [site.count_low, site.count, site.count_high].map(|n| n as f64 / truth)
    }
}

/// Watches the program for so long, and asks it as soon as the probes come on and at the end.
pub(super) fn watch(target: &mut GoTarget, seconds: u64, options: &[&str]) -> Run {
    let mut command: Command = Watch::command();
    let pid = target.pid().to_string();
    command
        .args(["--pid", &pid, "-f", "json", "--no-save"])
        .args(["-d", &format!("{seconds}s")])
        .args(options);
    let mut process = Process::spawn(&mut command);
    process.wait_for("watching for", END);
    let before = meter::read(target);
    thread::sleep(Duration::from_secs(seconds));
    let after = meter::read(target);
    Run {
        report: report(&process.end(END).with_code(0).stdout),
        before,
        after,
    }
}

/// Checks the cost of a run, and what it says of the operation that was done flat out.
fn assert_budget(what: &str, probe: &str) {
    let Some(mut target) = meter::start(what) else {
        return;
    };
    let first = meter::read(&mut target);
    thread::sleep(UNPROBED);
    let second = meter::read(&mut target);
    let run = watch(&mut target, WATCHED_S, &["--max-overhead", "2%"]);
    assert_eq!(differing_bytes(target.pid()), 0);
    assert_sums(&run.report);

    let loss = 1.0 - run.after.speed_since(run.before) / second.speed_since(first);
    let share = run.report.cost.target_share.unwrap();
    eprintln!(
        "{what}: {:.2} % of the time, throughput less by {:.2} %",
        share * 1e2,
        loss * 1e2
    );
    assert!(share > 0.0 && share <= 0.02 * TOLERANCE, "{share}");

    let told = run
        .report
        .probes
        .iter()
        .find(|told| told.name == probe)
        .unwrap();
    assert_eq!(told.state, ProbeState::Windowed, "{told:?}");
    assert!(told.observed_share < 0.5, "{told:?}");
    assert!(told.hits > 0 && told.count > told.hits, "{told:?}");

    // The program ran a little longer than it was watched: that is on the upper side only.
    let truth = run.after.operations_since(run.before);
    let sites = run
        .report
        .call_sites
        .iter()
        .filter(|site| site.probe == probe);
    let (low, high) = sites.fold((0, 0), |(low, high), site| {
        assert!(
            site.count_low <= site.count && site.count <= site.count_high,
            "{site:?}"
        );
        (low + site.count_low, high + site.count_high)
    });
    eprintln!("{what}: {truth} operations, told {low} to {high}");
    assert!(
        low <= truth && high >= truth / 4,
        "{truth} is not in {low} to {high}"
    );
}

#[test]
fn allocations_keep_to_the_budget() {
    assert_budget("alloc", "alloc");
}

#[test]
fn sends_keep_to_the_budget() {
    assert_budget("send", "chan-send");
}

/// The probes take fifty times as long as a send: no difference of two costs would tell how many there are without them.
#[test]
fn sends_on_one_channel_are_counted_by_the_channel() {
    let args = ["-do", "send", "-threads", "1"];
    assert_told(&args, &[("chan-send", "main.send")], 1.6, 4.0);
}

/// What the program does of its own takes as long with the probe as without, and is sampled finely in windows.
#[test]
fn sends_with_work_in_between_are_counted_by_the_work() {
    let args = ["-do", "send", "-threads", "1", "-work", "3000"];
    assert_told(&args, SENT_AND_RECEIVED, 1.33, 1.8);
}

const SENT_AND_RECEIVED: &[(&str, &str)] = &[("chan-send", "main.send"), ("chan-recv", "main.run")];

/// A loop that the probe does not touch goes on as fast as ever: it must not count as what the sends are made of.
#[test]
fn sends_beside_a_loop_that_computes_are_counted_by_their_own_work() {
    let work = ["-do", "send", "-threads", "1", "-work", "3000"];
    let args = [&work[..], &["-beside", "compute"]].concat();
    assert_told(&args, SENT_AND_RECEIVED, 1.33, 2.5);
}

/// The runtime counts both together, and the probe slows down one of them much more than the other.
#[test]
fn allocations_of_two_loops_are_told_apart() {
    let work = ["-do", "alloc", "-threads", "1", "-work", "3000"];
    let args = [&work[..], &["-beside", "spawn"]].concat();
    assert_told(&args, &[("alloc", "main.allocate")], 1.5, 4.0);
}

/// Each goroutine sends once: the scheduler says how many there were. Flat out, the costs would tell next to nothing.
#[test]
fn sends_of_spawned_goroutines_are_counted_by_the_goroutines() {
    let args = ["-do", "spawn", "-threads", "1"];
    assert_told(&args, &[("chan-send", "main.spawn")], 1.1, 1.3);
}

/// Checks that what is told of the program's operations is wrong by no more than a factor, and the ends of its interval no
/// farther apart. Where others use the CPUs it may be less sure for once, but has to say so.
fn assert_told(args: &[&str], lines: &[(&str, &str)], wrong: f64, apart: f64) {
    let Some(mut target) = meter::start_alone(args) else {
        return;
    };
    let is_close = |[low, likely, high]: [f64; 3]| {
        (1.0 / wrong..wrong).contains(&likely) && high / low < apart
    };
    let mut seen = Vec::new();
    for _ in 0..TRIES {
        let run = watch(&mut target, WATCHED_S, &["--max-overhead", "2%"]);
        let told = lines
            .iter()
            .map(|(probe, function)| run.told(probe, function));
        let told: Vec<_> = told.collect();
        eprintln!("{args:?}: {lines:?}, of the truth {told:.2?}");
        for [low, _, high] in &told {
            assert!(*low <= NEARLY && NEARLY * high >= 1.0, "{told:?}");
        }
        if told.iter().all(|told| is_close(*told)) {
            return;
        }
        seen.push(told);
    }
    panic!("of the truth: {seen:.2?}");
}

#[test]
fn spawned_goroutines_keep_to_the_budget() {
    assert_budget("spawn", "goroutine-create");
}

#[test]
fn nothing_is_probed_without_a_budget() {
    let Some(mut target) = meter::start("send") else {
        return;
    };
    let run = watch(&mut target, 1, &["--max-overhead", "0%"]);
    assert_eq!(run.report.cost.hits, 0);
    let dropped = |state| matches!(state, ProbeState::Dropped | ProbeState::Skipped);
    assert!(run.report.probes.iter().all(|probe| dropped(probe.state)));
    assert!(run.report.probes.iter().all(|probe| probe.reason.is_some()));
}

#[test]
fn a_quiet_program_is_watched_all_the_time() {
    let Some(mut target) = meter::start("idle") else {
        return;
    };
    let run = watch(&mut target, 4, &["--max-overhead", "2%"]);
    let on = (run.report.probes.iter()).filter(|probe| probe.state == ProbeState::Attached);
    let on: Vec<f64> = on.map(|probe| probe.observed_share).collect();
    assert!(!on.is_empty(), "{:?}", run.report.probes);
    assert!(on.iter().all(|share| *share > 0.5), "{on:?}");
}
