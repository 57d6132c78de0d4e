//! With every probe on all the time: the counts make sense, and the servers don't mind.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use probe_user::report::Report;

use super::{caddy, load::Load, nats, server::Server};
use crate::support::{END, Watch, assert_sums, differing_bytes, report, require_root};

/// How long the server is watched under load.
const WINDOW: Duration = Duration::from_secs(4);
const CLIENTS: usize = 3;
/// Of each client, between two questions: at most about a thousand a second with all of them.
const PAUSE: Duration = Duration::from_millis(2);
/// What rtprobe may keep in memory.
const MAX_RESIDENT_KB: u64 = 60 * 1024;
/// Share of the hits whose stack may hold code that has no name.
const MAX_UNKNOWN_SHARE: f64 = 0.01;

#[test]
fn caddy_answers_while_everything_is_counted() {
    count(&caddy::SERVER);
}

#[test]
fn nats_delivers_while_everything_is_counted() {
    count(&nats::SERVER);
}

/// Watches a server under load without a limit.
#[track_caller]
fn count(server: &Server) {
    let Some(()) = require_root() else { return };
    let Some(running) = server.start() else {
        return;
    };
    let (name, pid) = (server.program.name, running.process.pid());
    let load = Load::start(server.clients(running.port, CLIENTS), PAUSE);
    let before = load.answers();
    let watch = Watch::start(pid);
    thread::sleep(WINDOW);
    let answers = load.answers() - before;
    watch.rtprobe.signal(libc::SIGINT);
    let resident = peak_resident_kb(watch.rtprobe.pid());
    let ended = watch.rtprobe.end(END).with_code(0);
    // It goes on answering when nobody watches any more.
    let after = load.answers();
    thread::sleep(Duration::from_millis(300));
    assert!(load.answers() > after, "{name} does not answer any more");
    let failures = load.stop();
    assert!(
        failures.is_empty(),
        "{name}: {} failures: {failures:.3?}",
        failures.len()
    );
    assert_eq!(differing_bytes(pid), 0);

    let report = report(&ended.stdout);
    assert_sums(&report);
    let hits: u64 = report.probes.iter().map(|probe| probe.hits).sum();
    eprintln!(
        "{name}: {answers} answers, {hits} operations in {WINDOW:?}, {} call sites; attach {:.1} ms, \
         detach {:.1} ms, peak of {} MiB resident",
        report.call_sites.len(),
        milliseconds(report.cost.attach_ns),
        milliseconds(report.cost.detach_ns),
        resident / 1024,
    );
    assert!(answers > 200, "{name}: {answers} answers are no load");
    assert!(
        hits > answers,
        "{name}: {hits} operations for {answers} answers"
    );
    assert!(
        resident <= MAX_RESIDENT_KB,
        "{name}: {resident} KiB resident"
    );
    assert_named(name, &report, server.program.module, hits);
}

/// The server's own code is found, and next to no code without a name.
#[track_caller]
fn assert_named(name: &str, report: &Report, module: &str, hits: u64) {
    let own = report
        .call_sites
        .iter()
        .filter(|site| site.function.starts_with(module));
    let of_own: u64 = own.map(|site| site.hits).sum();
    assert!(of_own > 0, "{name}: no call site in {module}");
    let unknown = report.call_sites.iter().filter(|site| {
        site.stack
            .iter()
            .any(|frame| frame.function.contains("[unknown"))
    });
    let of_unknown: u64 = unknown.map(|site| site.hits).sum();
    let share = of_unknown as f64 / hits as f64;
    assert!(
        share <= MAX_UNKNOWN_SHARE,
        "{name}: {share} of the hits pass through unknown code"
    );
    let lost: u64 = report
        .probes
        .iter()
        .flat_map(|probe| probe.lost.values())
        .sum();
    assert!(
        lost as f64 <= hits as f64 / 1000.0,
        "{name}: {lost} of {hits} lost: {:?}",
        report.probes
    );
}

fn milliseconds(ns: Option<u64>) -> f64 {
    ns.unwrap() as f64 / 1e6
}

/// The most memory that a process had resident, until it ends.
fn peak_resident_kb(pid: u32) -> u64 {
    let mut peak = 0;
    let give_up = Instant::now() + END;
    while Instant::now() < give_up {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that has ended has no memory.
        let Some(line) = line else { break };
        peak = line.trim().trim_end_matches(" kB").parse().unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    peak
}
