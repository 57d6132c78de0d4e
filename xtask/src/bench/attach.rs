//! How long it takes until all seven probes are on, how long until they are off, and what rtprobe itself
//! needs meanwhile: on a small Go program and on one of about 100 MB.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rtprobe_tests::go::{self, Go, Kind};

use crate::{build, setup, step, workspace};

const RUNS: usize = 7;
/// A large program that anybody can build; with uncompressed DWARF it has about 100 MB.
const LARGE: &str = "github.com/gohugoio/hugo@v0.139.0";

/// One run of rtprobe.
struct Run {
    ready: Duration,
    attach: Duration,
    detach: Duration,
    peak_rss_kib: u64,
    agent_cpu_share: f64,
}

pub(crate) fn run() -> Result<()> {
    let rtprobe = build::binary()?;
    let go = setup::go()?;
    let small = go.build("demo", go::NEWEST, Kind::Stripped)?;
    let large = step::step("a Go program of about 100 MB", || large(&go))?;
    println!("all seven probes on a running process, median of {RUNS} runs of 2 s");
    println!("binary       MB   ready ms  attach ms  detach ms  peak RSS MB  agent CPU %");
    let site = tempfile_dir()?;
    let mut small_target = Command::new(&small);
    measure("demo", &small, &mut small_target, &rtprobe)?;
    let mut large_target = Command::new(&large);
    large_target
        .args(["server", "--bind", "127.0.0.1", "--port", "0", "--source"])
        .arg(&site);
    measure("hugo", &large, &mut large_target, &rtprobe)
}

/// Builds the large program once.
fn large(go: &Go) -> Result<PathBuf> {
    let bin = workspace::target().join("bench");
    let hugo = bin.join("hugo");
    if !hugo.exists() {
        fs::create_dir_all(&bin)?;
        let mut install = go.command(go::NEWEST);
        install
            .args(["install", "-p", "2", "-ldflags=-compressdwarf=false", LARGE])
            .env("GOBIN", &bin);
        step::check(&mut install)?;
    }
    Ok(hugo)
}

/// Makes an empty site for the server to serve.
fn tempfile_dir() -> Result<PathBuf> {
    let site = workspace::target().join("bench/site");
    fs::create_dir_all(&site)?;
    fs::write(site.join("hugo.toml"), "title = 'bench'\n")?;
    Ok(site)
}

/// Ends its process when it goes.
struct Target(Child);

impl Drop for Target {
    fn drop(&mut self) {
        if let Err(error) = self.0.kill().and_then(|()| self.0.wait()) {
            eprintln!("failed to end the target: {error}");
        }
    }
}

fn measure(name: &str, binary: &Path, command: &mut Command, rtprobe: &Path) -> Result<()> {
    let megabytes = fs::metadata(binary)?.len() as f64 / 1e6;
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut target =
        Target(child.with_context(|| format!("failed to start {}", binary.display()))?);
    std::thread::sleep(Duration::from_secs(2));
    ensure!(target.0.try_wait()?.is_none(), "{name} ended at once");
    let runs = (0..RUNS)
        .map(|_| record(rtprobe, target.0.id()))
        .collect::<Result<Vec<_>>>()?;
    println!(
        "{name:<8} {megabytes:>6.1} {:>10.1} {:>10.1} {:>10.1} {:>12.1} {:>12.2}",
        median(&runs, |run| run.ready.as_secs_f64() * 1e3),
        median(&runs, |run| run.attach.as_secs_f64() * 1e3),
        median(&runs, |run| run.detach.as_secs_f64() * 1e3),
        median(&runs, |run| run.peak_rss_kib as f64 / 1e3),
        median(&runs, |run| run.agent_cpu_share * 1e2),
    );
    Ok(())
}

fn record(rtprobe: &Path, pid: u32) -> Result<Run> {
    let report = workspace::target().join("bench/report.json");
    let began = Instant::now();
    let mut child = Command::new(rtprobe)
        .args([
            "record",
            "--no-save",
            "--duration",
            "2s",
            "--pid",
            &pid.to_string(),
            "-o",
        ])
        .arg(&report)
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start rtprobe")?;
    let stderr = child.stderr.take().context("rtprobe has no stderr")?;
    let mut ready = None;
    let mut said = String::new();
    for line in BufReader::new(stderr).lines() {
        let line = line?;
        if line.contains("attached") {
            ready = Some(began.elapsed());
            std::thread::sleep(Duration::from_millis(1500));
            said = fs::read_to_string(format!("/proc/{}/status", child.id()))?;
        }
    }
    ensure!(
        child.wait()?.success(),
        "rtprobe failed; try it by hand on pid {pid}"
    );
    let json = fs::read_to_string(&report)?;
    let nanoseconds = |key| number(&json, key).map(|n| Duration::from_nanos(n as u64));
    Ok(Run {
        ready: ready.context("rtprobe never said that it attached")?,
        attach: nanoseconds("attach_ns")?,
        detach: nanoseconds("detach_ns")?,
        peak_rss_kib: peak_rss_kib(&said)?,
        agent_cpu_share: number(&json, "agent_cpu_share")?,
    })
}

/// Reads a number out of a report; its keys are unique.
fn number(json: &str, key: &str) -> Result<f64> {
    let (_, rest) = json
        .split_once(&format!("\"{key}\":"))
        .with_context(|| format!("no {key}"))?;
    let text: String = rest
        .trim_start()
        .chars()
        .take_while(|c| !",}\n".contains(*c))
        .collect();
    text.trim()
        .parse()
        .with_context(|| format!("{key} is {text}"))
}

fn peak_rss_kib(status: &str) -> Result<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .context("no VmHWM")?;
    line.trim()
        .trim_end_matches("kB")
        .trim()
        .parse()
        .context("VmHWM is no number")
}

fn median(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    let mut values: Vec<f64> = runs.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_key() {
        let json = "{\"cost\": {\n  \"attach_ns\": 9000000,\n  \"agent_cpu_share\": 0.002\n}}";
        assert_eq!(number(json, "attach_ns").unwrap() as u64, 9_000_000);
        assert!((number(json, "agent_cpu_share").unwrap() - 0.002).abs() < 1e-9);
        assert!(number(json, "detach_ns").is_err());
    }

    #[test]
    fn the_peak_is_read_in_kib() {
        assert_eq!(
            peak_rss_kib("Name:\trtprobe\nVmHWM:\t   13512 kB\n").unwrap(),
            13_512
        );
    }
}
