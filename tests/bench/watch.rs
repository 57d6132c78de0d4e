//! rtprobe while it watches a target, as its users run it.

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _},
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use probe_user::report::{CallSite, Latency, Report};

/// A running rtprobe whose probes are on; killed when it goes.
#[derive(Debug)]
pub(crate) struct Watch {
    child: Child,
    stderr: BufReader<ChildStderr>,
    report: PathBuf,
    /// From its start until the probes were on.
    pub(crate) ready: Duration,
}

/// A time span, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// Where what is measured is put down.
pub(crate) fn scratch() -> Result<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench"));
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// Runs rtprobe to its end, and returns how long it took and what it wrote to stdout.
pub(crate) fn timed(args: &[&str]) -> Result<(Duration, Vec<u8>)> {
    let began = Instant::now();
    let output = Command::new(rtprobe()).args(args).output()?;
    let took = began.elapsed();
    ensure!(
        output.status.success(),
        "rtprobe {args:?} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok((took, output.stdout))
}

/// The release binary: `RTPROBE_BIN`, else what `cargo xtask build` leaves.
fn rtprobe() -> PathBuf {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/dist/rtprobe");
    env::var_os("RTPROBE_BIN").map_or_else(|| PathBuf::from(built), PathBuf::from)
}

impl Watch {
    /// Watches `pid` for `window` with these options besides; returns when the probes are on.
    pub(crate) fn start(pid: u32, window: Duration, options: &[&str]) -> Result<Self> {
        let report = scratch()?.join(format!("{pid}.json"));
        let began = Instant::now();
        let mut child = Command::new(rtprobe())
            .args(["record", "--no-save", "--pid", &pid.to_string()])
            .args(["--duration", &format!("{}ms", window.as_millis()), "-o"])
            .arg(&report)
            .args(options)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("failed to start rtprobe: `cargo xtask build` makes it")?;
        let mut stderr = BufReader::new(child.stderr.take().context("rtprobe has no stderr")?);
        let mut said = String::new();
        while !said.contains("attached ") {
            let n = stderr.read_line(&mut said)?;
            ensure!(n > 0, "rtprobe did not attach: {said}");
        }
        Ok(Self {
            child,
            stderr,
            report,
            ready: began.elapsed(),
        })
    }

    /// Waits for the end of the window, and for the report.
    pub(crate) fn end(mut self) -> Result<Report> {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "rtprobe ended with {status}: {said}");
        let report = serde_json::from_reader(BufReader::new(File::open(&self.report)?))?;
        fs::remove_file(&self.report)?;
        Ok(report)
    }
}

impl Watch {
    /// As [`Self::end`], and how much memory rtprobe and its holder had at most, in bytes.
    pub(crate) fn end_measured(mut self) -> Result<(Report, u64)> {
        let mut peak = 0;
        while self.child.try_wait()?.is_none() {
            peak = peak.max(resident(self.child.id()));
            thread::sleep(Duration::from_millis(10));
        }
        Ok((self.end()?, peak))
    }
}

/// The peak of what a process and its children have in memory, in bytes; 0 for one that has ended.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let own = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let own = own.and_then(|line| line.trim().strip_suffix(" kB"));
    let own: u64 = own.and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let children = children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok());
    own * 1024 + children.map(resident).sum::<u64>()
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Span {
    pub(crate) fn seconds(self) -> f64 {
        (self.to - self.from) as f64 / 1e9
    }

    /// When the report's window was.
    pub(crate) fn of(report: &Report) -> Result<Self> {
        let start: Timestamp = report.window.start.parse()?;
        let from = i64::try_from(start.as_nanosecond())?;
        Ok(Self {
            from,
            to: from + report.window.duration_ns as i64,
        })
    }

    /// The time that goes by while `work` is done.
    pub(crate) fn during<T>(work: impl FnOnce() -> T) -> Result<(Self, T)> {
        let from = now()?;
        let done = work();
        Ok((Self { from, to: now()? }, done))
    }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> Result<i64> {
    Ok(i64::try_from(Timestamp::now().as_nanosecond())?)
}

/// What a report says of one probe's operations in one function.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) observed_share: f64,
    pub(crate) hits: u64,
    pub(crate) count: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) rate: f64,
    /// Of one of the call sites, if there are several.
    pub(crate) latency: Option<Latency>,
}

impl Told {
    /// Whether the truth, known within `slack`, is in the interval.
    pub(crate) fn is_in_interval(&self, truth: f64, slack: f64) -> bool {
        self.low - slack <= truth && truth <= self.high + slack
    }

    /// Half of the interval, as a share of the count.
    pub(crate) fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.count
    }
}

/// Adds up the call sites of `probe` in `function`.
pub(crate) fn told(report: &Report, probe: &str, function: &str) -> Told {
    let observed = report.probes.iter().find(|told| told.name == probe);
    let mut told = Told {
        observed_share: observed.map_or(0.0, |probe| probe.observed_share),
        ..Told::default()
    };
    let of_it = |site: &&CallSite| site.probe == probe && &*site.function == function;
    for site in report.call_sites.iter().filter(of_it) {
        told.hits += site.hits;
        told.count += site.count as f64;
        told.low += site.count_low as f64;
        told.high += site.count_high as f64;
        told.rate += site.rate_per_s;
        told.latency = site.latency.clone().or(told.latency);
    }
    told
}
