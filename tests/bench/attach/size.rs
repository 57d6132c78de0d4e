//! Small and large programs, watched as users do.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use rtprobe_tests::{
    figures::{
        stats::Spread,
        table::{Table, log, met},
    },
    go::{Go, Kind, NEWEST, Released},
    servers::{CADDY, COREDNS},
};

use crate::watch::{Watch, scratch};

const RUNS: usize = 5;
const WINDOW: Duration = Duration::from_secs(2);

/// A program that anybody can build, and how it is made to run.
struct Program {
    name: &'static str,
    about: &'static str,
    start: fn(&Go) -> Result<Command>,
}

const PROGRAMS: [Program; 5] = [
    Program {
        name: "flatout",
        about: "idle",
        start: |go| {
            let idle = go.build("flatout", NEWEST, Kind::Stripped)?;
            Ok(command(idle, &["-do", "idle"]))
        },
    },
    Program {
        name: "demo",
        about: "400 requests/s",
        start: |go| {
            let demo = go.build("demo", NEWEST, Kind::Plain)?;
            Ok(command(demo, &["-duration", "600s"]))
        },
    },
    Program {
        name: "caddy",
        about: "serves nothing",
        start: |go| {
            let caddy = go.install(&CADDY, NEWEST)?;
            Ok(command(
                caddy,
                &["respond", "--listen", "127.0.0.1:0", "hello"],
            ))
        },
    },
    Program {
        name: "coredns",
        about: "answers nothing",
        start: |go| Ok(coredns(go.install(&COREDNS, NEWEST)?)),
    },
    Program {
        name: "coredns",
        about: "the same with all DWARF, uncompressed",
        start: |go| Ok(coredns(with_dwarf(go, &COREDNS)?)),
    },
];

fn coredns(binary: PathBuf) -> Command {
    command(binary, &["-dns.port", "0"])
}

/// Builds a program of somebody else's once, with all that the linker can put into it.
fn with_dwarf(go: &Go, program: &Released) -> Result<PathBuf> {
    let package = program.module;
    let dir = scratch()?.join("dwarf");
    let binary = dir.join(program.name);
    if !binary.exists() {
        fs::create_dir_all(&dir)?;
        log(&format!("building {package}"));
        let output = go
            .command(NEWEST)
            .args(["install", "-p", "2", "-trimpath"])
            .arg("-ldflags=-compressdwarf=false")
            .arg(format!("{package}@{}", program.release))
            .env("GOBIN", &dir)
            .env("CGO_ENABLED", "0")
            .output()?;
        ensure!(
            output.status.success(),
            "go failed to install {package}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(binary)
}

fn command(binary: PathBuf, args: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(args);
    command
}

/// Ends its process when it goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// One run of rtprobe.
struct Run {
    ready_ms: f64,
    attach_ms: f64,
    detach_ms: f64,
    peak_mb: f64,
    agent_share: f64,
}

pub(crate) fn sizes() -> Result<()> {
    let go = Go::find().context("needs Go")?;
    println!(
        "All probes on a running process with the default limit, medians of {RUNS} runs of {} s; \
         *ready* is from the start of rtprobe until its probes are on.\n",
        WINDOW.as_secs()
    );
    let mut table = Table::new(&[
        "program",
        "MB",
        "ready",
        "attach",
        "detach",
        "peak memory",
        "CPU",
    ]);
    let mut worst = Run {
        ready_ms: 0.0,
        attach_ms: 0.0,
        detach_ms: 0.0,
        peak_mb: 0.0,
        agent_share: 0.0,
    };
    for program in &PROGRAMS {
        let (megabytes, run) = measure(&go, program)?;
        table.row([
            format!("`{}`, {}", program.name, program.about),
            format!("{megabytes:.1}"),
            format!("{:.0} ms", run.ready_ms),
            format!("{:.1} ms", run.attach_ms),
            format!("{:.1} ms", run.detach_ms),
            format!("{:.1} MB", run.peak_mb),
            format!("{:.2} %", run.agent_share * 1e2),
        ]);
        worst = Run {
            ready_ms: worst.ready_ms.max(run.ready_ms),
            attach_ms: worst.attach_ms.max(run.attach_ms),
            detach_ms: worst.detach_ms.max(run.detach_ms),
            peak_mb: worst.peak_mb.max(run.peak_mb),
            agent_share: worst.agent_share.max(run.agent_share),
        };
    }
    println!("{table}");
    println!(
        "Wanted: attached in at most 150 ms ({}), detached in at most 100 ms ({}), at most 60 MB ({}) \
         and 0.5 % of a CPU ({}).",
        met(worst.attach_ms <= 150.0),
        met(worst.detach_ms <= 100.0),
        met(worst.peak_mb <= 60.0),
        met(worst.agent_share <= 0.005),
    );
    Ok(())
}

fn measure(go: &Go, program: &Program) -> Result<(f64, Run)> {
    let mut command = (program.start)(go)?;
    let megabytes = fs::metadata(command.get_program())?.len() as f64 / 1e6;
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("failed to start {}", program.name))?;
    let mut running = Running(child);
    thread::sleep(Duration::from_secs(2));
    ensure!(
        running.0.try_wait()?.is_none(),
        "{} ended at once",
        program.name
    );
    let runs = (0..RUNS).map(|_| record(running.0.id()));
    let runs = runs.collect::<Result<Vec<_>>>()?;
    let median = |of: fn(&Run) -> f64| Spread::of(runs.iter().map(of)).median;
    let run = Run {
        ready_ms: median(|run| run.ready_ms),
        attach_ms: median(|run| run.attach_ms),
        detach_ms: median(|run| run.detach_ms),
        peak_mb: median(|run| run.peak_mb),
        agent_share: median(|run| run.agent_share),
    };
    Ok((megabytes, run))
}

fn record(pid: u32) -> Result<Run> {
    let watch = Watch::start(pid, WINDOW, &[])?;
    let ready_ms = watch.ready.as_secs_f64() * 1e3;
    let (report, peak) = watch.end_measured()?;
    let cost = &report.cost;
    let milliseconds = |ns: Option<u64>| ns.map_or(f64::NAN, |ns| ns as f64 / 1e6);
    Ok(Run {
        ready_ms,
        attach_ms: milliseconds(cost.attach_ns),
        detach_ms: milliseconds(cost.detach_ns),
        peak_mb: peak as f64 / 1e6,
        agent_share: cost.agent_cpu_share.unwrap_or(f64::NAN),
    })
}
