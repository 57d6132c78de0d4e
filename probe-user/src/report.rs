//! The report, `rtprobe.report/v1`: what every output format is rendered from.
//!
//! Field names and meanings are a contract with users' scripts: fields may be added, never renamed.
//! Absent knowledge is `None` (JSON `null`), never 0. `schema/report-v1.json` states the same as JSON Schema.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::analyze;

/// The value of [`Report::schema`].
pub const SCHEMA: &str = "rtprobe.report/v1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub schema: String,
    pub rtprobe: Tool,
    pub host: Host,
    pub target: TargetInfo,
    pub window: Window,
    pub cost: Cost,
    pub probes: Vec<Probe>,
    pub call_sites: Vec<CallSite>,
    /// How the window went; `None`: nothing was counted, or it was not kept.
    #[serde(default)]
    pub timeline: Option<Timeline>,
    /// Where CPU time goes, by samples; `None`: not sampled.
    #[serde(default)]
    pub cpu: Option<Cpu>,
    pub goroutines: Option<Vec<GoroutineGroup>>,
    pub findings: Vec<Finding>,
    pub rules: Vec<RuleVerdict>,
    pub cannot_see: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tool {
    pub version: String,
    pub bpf_hash: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    pub kernel: String,
    pub cpus: u32,
    /// Measured cost to the target of one hit at an emulated site.
    pub emulated_hit_ns: Option<f64>,
    /// Measured cost to the target of one hit at a single-stepped site.
    pub stepped_hit_ns: Option<f64>,
    /// `uprobe_multi` or `perf_event`.
    pub attach: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetInfo {
    pub pid: u32,
    pub comm: String,
    pub exe: String,
    pub go_version: String,
    pub module: Option<String>,
    pub build_id: Option<String>,
    pub gomaxprocs: Option<u32>,
    /// Identifier of the container that holds the target, read from its cgroup path.
    pub container_id: Option<String>,
    pub binary: Binary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts, named by the contract"
)]
pub struct Binary {
    pub stripped: bool,
    pub dwarf: bool,
    pub pie: bool,
    pub cgo: bool,
    pub trimpath: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// RFC 3339.
    pub start: String,
    pub duration_ns: u64,
    pub ended_by: EndedBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndedBy {
    Duration,
    Signal,
    TargetExit,
    TargetExec,
    /// What holds the probes is gone, or does not answer: nothing is counted any more.
    ProbesLost,
    /// The recorder died; the report was made from what it had saved.
    RecorderLost,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// `None`: no limit was asked for.
    pub budget_share: Option<f64>,
    /// Share of the target's CPU time that the probes took, trap included.
    pub target_share: Option<f64>,
    pub hits: u64,
    /// What `target_share` was expected to be, at least and at most, before the first probe was on.
    #[serde(default)]
    pub predicted_low_share: Option<f64>,
    #[serde(default)]
    pub predicted_high_share: Option<f64>,
    /// CPUs that rtprobe and the process that holds its links kept busy during the window.
    pub agent_cpu_share: Option<f64>,
    /// CPU time that they took before the window, and after it until the recording was complete.
    #[serde(default)]
    pub agent_setup_cpu_ns: Option<u64>,
    #[serde(default)]
    pub agent_finish_cpu_ns: Option<u64>,
    pub attach_ns: Option<u64>,
    pub detach_ns: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub name: String,
    pub state: ProbeState,
    /// Why the state is not `attached`.
    pub reason: Option<String>,
    pub functions: Vec<String>,
    pub sites: Vec<Site>,
    /// Share of the window's time that the probe was on.
    pub observed_share: f64,
    /// Always `completed + open +` all of `lost`.
    pub hits: u64,
    pub completed: u64,
    pub open: u64,
    pub lost: BTreeMap<String, u64>,
    /// Estimate for the whole window; equals `hits` where `observed_share` is 1.
    pub count: u64,
    /// Share of the target's CPU time that the probe took; `None`: not measured.
    #[serde(default)]
    pub cost_share: Option<f64>,
    /// What was expected of it before it was on; `None` where it was not planned.
    #[serde(default)]
    pub predicted: Option<Prediction>,
}

/// What is expected of a probe before it is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// CPU time of the target that one operation costs.
    pub operation_ns: f64,
    #[serde(flatten)]
    pub rate: Rate,
    /// Share of the target's CPU time that the probe would take if it was always on; `None`: not known.
    pub always_on_share: Option<f64>,
    pub fate: Fate,
}

/// How often operations come, as far as that is known without a probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    #[serde(rename = "rate_per_s")]
    pub per_s: Option<f64>,
    /// At least, and at most.
    #[serde(rename = "rate_low_per_s")]
    pub low_per_s: Option<f64>,
    #[serde(rename = "rate_high_per_s")]
    pub high_per_s: Option<f64>,
    #[serde(rename = "rate_from")]
    pub from: Option<RateSource>,
}

/// What a rate was told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RateSource {
    /// The runtime's own counters, read twice.
    Counter,
    /// CPU time spent in the functions.
    CpuSamples,
}

/// What the governor will make of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    AlwaysOn,
    Windows,
    /// What a first short window sees decides.
    FirstLook,
    /// Too costly to be always on, where windows can't be opened.
    Dropped,
    /// The limit leaves nothing.
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProbeState {
    Attached,
    Windowed,
    Skipped,
    Refused,
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub function: String,
    pub kind: SiteKind,
    pub file_offset: u64,
    pub instruction: String,
    pub cost: SiteCost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteKind {
    Entry,
    Exit,
}

/// How the kernel executes the probed instruction (arch/x86/kernel/uprobes.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SiteCost {
    Emulated,
    Stepped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallSite {
    pub id: String,
    pub probe: String,
    pub function: Arc<str>,
    pub file: Arc<str>,
    pub line: u32,
    /// The compiled function that holds the call site, where that is another one.
    pub inlined_into: Option<String>,
    /// Innermost first; the call site is one of them.
    pub stack: Vec<StackFrame>,
    /// What the runtime gave as the reason, for example of a stop of the world.
    pub reason: Option<String>,
    /// 0 of a line that only the runtime's own memory profile saw.
    pub hits: u64,
    pub count: u64,
    pub count_low: u64,
    pub count_high: u64,
    pub rate_per_s: f64,
    pub bytes: Option<u64>,
    pub bytes_per_s: Option<f64>,
    /// Operations that met the probe's condition: a receive that came back empty, a goroutine that parked.
    /// `None` where the probe has none.
    #[serde(default)]
    pub noted: Option<u64>,
    /// `None` where no operation completed.
    pub latency: Option<Latency>,
    /// What the operations were about, most frequent first: the type allocated, the element sent.
    #[serde(default)]
    pub details: Vec<Detail>,
}

/// A part of a call site's operations that were about the same thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub what: String,
    pub hits: u64,
    pub bytes: Option<u64>,
}

/// The same names stand in many stacks, which share them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StackFrame {
    pub function: Arc<str>,
    pub file: Arc<str>,
    pub line: u32,
    pub inlined: bool,
}

impl StackFrame {
    /// Code that no line of Go is known of.
    pub(crate) fn without_line(function: String) -> Self {
        Self {
            function: function.into(),
            ..Self::default()
        }
    }
}

impl From<analyze::Frame> for StackFrame {
    fn from(frame: analyze::Frame) -> Self {
        Self {
            function: frame.function.into(),
            file: frame.file.into(),
            line: frame.line,
            inlined: frame.inlined,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    pub count: u64,
    /// Below it a latency cannot be told; `None`: not calibrated.
    pub floor_ns: Option<u64>,
    pub min_ns: u64,
    pub mean_ns: f64,
    pub p50_ns: u64,
    pub p90_ns: u64,
    pub p99_ns: u64,
    pub p999_ns: u64,
    pub max_ns: u64,
    pub sum_ns: u64,
    /// `HdrHistogram` V2 compressed, base64.
    pub histogram: String,
}

/// What was counted in each part of the window. Hits that no call path could be given to are not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Where each part ends, since the window's start; each begins where the one before ended.
    pub ends_ns: Vec<u64>,
    pub series: Vec<Series>,
}

/// One probe over time; every list is as long as [`Timeline::ends_ns`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub probe: String,
    pub hits: Vec<u64>,
    /// Sum of the latencies of what ended in the part.
    pub latency_ns: Vec<u64>,
    /// `None` but for allocations.
    pub bytes: Option<Vec<u64>>,
}

/// CPU samples of the target's threads, summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// Samples a second and CPU.
    pub hertz: u32,
    /// All that found the target on a CPU, lost and probing ones included.
    pub samples: u64,
    /// Samples whose stack found no room.
    pub lost: u64,
    /// Samples whose stack is not known to its outermost frame.
    pub partial: u64,
    /// Samples that found the probes at work. They are no part of the shares below.
    pub probing: u64,
    /// CPU time that all samples stand for.
    pub time_ns: u64,
    /// What the time went into, most first.
    pub groups: Vec<CpuGroup>,
    /// The user's functions, most first.
    pub functions: Vec<CpuFunction>,
    /// Every stack, most first.
    pub stacks: Vec<CpuStack>,
}

/// A kind of work; names are those of `samples::Group`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuGroup {
    pub group: String,
    pub samples: u64,
    pub share: f64,
}

/// A function of the user's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuFunction {
    pub function: String,
    /// Where most of `samples` are.
    pub file: String,
    pub line: u32,
    /// In it, or in what it calls in the runtime and the standard library.
    pub samples: u64,
    /// In its own code, what was inlined from elsewhere left out.
    pub own_samples: u64,
    /// In it or in whatever it calls.
    pub total_samples: u64,
    pub share: f64,
    pub own_share: f64,
    pub total_share: f64,
}

/// A stack and how often it was sampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuStack {
    pub group: String,
    pub samples: u64,
    pub in_kernel: bool,
    /// Index into `stack` of the innermost frame of the user's own code.
    pub user_frame: Option<u32>,
    /// Innermost first.
    pub stack: Vec<StackFrame>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GoroutineGroup {
    /// As Go's own stack traces have it: `running`, `runnable`, `syscall`, `waiting`, …
    pub state: String,
    pub wait_reason: Option<String>,
    pub count: u64,
    /// How long the one that has waited longest has. The runtime notes when a wait began only while it
    /// collects garbage, so a wait is at least this long; `None`: it has not been noted.
    #[serde(default)]
    pub longest_wait_ns: Option<u64>,
    /// Started by the runtime for itself, such as the collector's workers.
    #[serde(default)]
    pub system: bool,
    pub created_by: Option<Location>,
    pub stack: Vec<StackFrame>,
    /// There are more frames, between the last of these and where it was created, than are read.
    #[serde(default)]
    pub truncated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    pub function: String,
    pub file: String,
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub rule: String,
    pub exercises: Vec<String>,
    /// Rules that told a consequence of the same cause at the same line, and are part of this finding.
    #[serde(default)]
    pub also: Vec<String>,
    pub title: String,
    pub severity: Severity,
    pub confidence: f64,
    /// `None` where the finding is of the process.
    pub call_site: Option<Location>,
    /// The line of the main module that it was called from when it was first seen, where the call site is in another one.
    #[serde(default)]
    pub called_from: Option<Location>,
    pub evidence: Vec<Evidence>,
    pub refuted_by: String,
    pub cure: String,
    pub do_not_bother_when: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub name: String,
    pub value: f64,
    pub unit: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleVerdict {
    pub rule: String,
    pub exercises: Vec<String>,
    pub verdict: Verdict,
    pub why: String,
    pub needs: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Found,
    Clear,
    NotEnoughData,
    NotApplicable,
}
