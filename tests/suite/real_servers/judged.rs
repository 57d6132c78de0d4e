//! Within the default limit: no finding is a warning or worse that `docs/real-servers.md` does not defend.
//!
//! `RTPROBE_WINDOW=20s cargo xtask test raises_no_alarm` watches longer. Recordings, and what was said about them,
//! are left in `target/servers/recordings`.

use std::{
    env, fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use probe_user::report::{Finding, Report, Severity};

use super::{caddy, coredns, defended, load::Load, nats, server::Server, victoria};
use crate::support::{
    END, Process, Watch, assert_sums, differing_bytes, report, require_root_alone,
};

pub(super) const SERVERS: [&Server; 4] = [
    &nats::SERVER,
    &caddy::SERVER,
    &coredns::SERVER,
    &victoria::SERVER,
];

const CLIENTS: usize = 4;
/// Until pools are filled and caches warm.
const WARM_UP: Duration = Duration::from_secs(1);
/// The same load, before anybody watches.
const UNWATCHED: Duration = Duration::from_secs(2);

#[test]
fn nats_raises_no_alarm_that_is_not_defended() {
    judge(&nats::SERVER);
}

#[test]
fn caddy_raises_no_alarm_that_is_not_defended() {
    judge(&caddy::SERVER);
}

#[test]
fn coredns_raises_no_alarm_that_is_not_defended() {
    judge(&coredns::SERVER);
}

#[test]
fn victoria_metrics_raises_no_alarm_that_is_not_defended() {
    judge(&victoria::SERVER);
}

#[test]
fn a_server_that_nobody_asks_anything_raises_no_alarm() {
    let Some(()) = require_root_alone() else {
        return;
    };
    let Some(running) = nats::SERVER.start() else {
        return;
    };
    let report = watch("idle", running.process.pid());
    let alarms = alarms(&report);
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[test]
fn a_server_that_starts_raises_no_alarm() {
    let Some(()) = require_root_alone() else {
        return;
    };
    let Some(ready) = caddy::SERVER.ready() else {
        return;
    };
    let mut command = Watch::command();
    command
        .args([
            "record",
            "-d",
            "4s",
            "--max-overhead",
            "2%",
            "-f",
            "json",
            "--no-save",
            "--",
        ])
        .arg(ready.command.get_program())
        .args(ready.command.get_args())
        .current_dir(ready.dir.path())
        .env("HOME", ready.dir.path());
    let ended = Process::spawn(&mut command).end(END).with_code(0);
    let report = report(&ended.stdout);
    let alarms = alarms(&report);
    assert!(alarms.is_empty(), "{alarms:#?}");
}

#[track_caller]
fn judge(server: &Server) {
    let Some(()) = require_root_alone() else {
        return;
    };
    let Some(running) = server.start() else {
        return;
    };
    let (name, pid) = (server.program.name, running.process.pid());
    let load = Load::start(server.clients(running.port, CLIENTS), Duration::ZERO);
    thread::sleep(WARM_UP);
    let unwatched = rate(&load, || thread::sleep(UNWATCHED));
    let mut seen = None;
    let watched = rate(&load, || seen = Some(watch(name, pid)));
    let report = seen.unwrap();
    let failures = load.stop();
    assert!(failures.is_empty(), "{name}: {failures:.3?}");
    assert_eq!(differing_bytes(pid), 0, "{name}");
    assert_sums(&report);
    let defended = defended::all();
    let is_defended = |finding: &&Finding| defended.iter().any(|row| row.is(name, finding));
    let mut said = format!(
        "{name} {}: {unwatched:.0} answers/s, watched {watched:.0}; {:.2} % of its CPU time\n",
        server.program.release,
        report.cost.target_share.unwrap_or(f64::NAN) * 100.0,
    );
    for finding in &report.findings {
        said.push_str(&line(finding, is_defended(&finding)));
    }
    eprint!("{said}");
    fs::write(recordings().join(format!("{name}.txt")), said).unwrap();
    let mut open = alarms(&report);
    open.retain(|finding| !is_defended(finding));
    assert!(open.is_empty(), "{name}: {open:#?}");
}

/// The findings that are warnings or worse.
fn alarms(report: &Report) -> Vec<&Finding> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.severity >= Severity::Warning)
        .collect()
}

/// Watches within the default limit and keeps the recording.
#[track_caller]
fn watch(name: &str, pid: u32) -> Report {
    let window = env::var("RTPROBE_WINDOW").unwrap_or_else(|_| "8s".to_owned());
    let recording = recordings().join(format!("{name}.rtp"));
    if recording.exists() {
        fs::remove_file(&recording).unwrap();
    }
    let recording = recording.to_str().unwrap();
    let options = [
        "-d",
        window.as_str(),
        "--max-overhead",
        "2%",
        "-f",
        "json",
        "--save",
        recording,
    ];
    let ended = Watch::start_with(pid, &options)
        .rtprobe
        .end(END)
        .with_code(0);
    report(&ended.stdout)
}

/// Where recordings are left, and what was said about each.
fn recordings() -> PathBuf {
    let dir = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/servers/recordings"
    ));
    fs::create_dir_all(&dir).unwrap();
    dir
}

/// Right answers per second while something is done.
fn rate(load: &Load, something: impl FnOnce()) -> f64 {
    let (before, began) = (load.answers(), Instant::now());
    something();
    (load.answers() - before) as f64 / began.elapsed().as_secs_f64()
}

fn line(finding: &Finding, is_defended: bool) -> String {
    let site = finding.call_site.as_ref();
    let place = site.map_or("process".to_owned(), |site| {
        format!("{} {}:{}", site.function, site.file, site.line)
    });
    let evidence: Vec<String> = finding
        .evidence
        .iter()
        .map(|evidence| format!("{} {:.4} {}", evidence.name, evidence.value, evidence.unit))
        .collect();
    format!(
        "  {:?}{} {} at {place}: {}\n",
        finding.severity,
        if is_defended { " (defended)" } else { "" },
        finding.rule,
        evidence.join(", "),
    )
}
