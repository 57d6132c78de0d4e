//! What a command line means: every default filled in, every contradiction settled.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::ValueEnum;

use crate::report::Severity;

/// What to do, with everything that it needs to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Record(RecordConfig),
    Report(ReportConfig),
    Plan(PlanConfig),
    Dump(DumpConfig),
    Ps(PsConfig),
    Doctor(DoctorConfig),
    Explain(ExplainConfig),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecordConfig {
    pub selector: Selector,
    /// `None`: until Ctrl-C or the target's end.
    pub duration: Option<Duration>,
    pub max_overhead: Budget,
    /// Probes, rules and exercises, with the probes that these need; empty means all.
    pub only: Vec<String>,
    pub skip: Vec<String>,
    pub stack_depth: u32,
    pub output: OutputConfig,
    pub save: Save,
    /// Rows of a text or HTML table.
    pub top: usize,
    pub sort: Sort,
    pub fail_on: Option<Severity>,
    pub verbosity: Verbosity,
    pub progress: bool,
    pub color: ColorChoice,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ReportConfig {
    pub file: PathBuf,
    pub output: OutputConfig,
    pub top: usize,
    pub sort: Sort,
    pub fail_on: Option<Severity>,
    pub verbosity: Verbosity,
    pub color: ColorChoice,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlanConfig {
    pub subject: PlanSubject,
    pub max_overhead: Budget,
    pub only: Vec<String>,
    pub skip: Vec<String>,
    pub stack_depth: u32,
    pub format: PlainFormat,
    pub verbosity: Verbosity,
    pub color: ColorChoice,
}

/// What a plan is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanSubject {
    Pid(u32),
    Exe(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpConfig {
    pub pid: u32,
    pub format: PlainFormat,
    /// `None`: standard output.
    pub path: Option<PathBuf>,
    pub verbosity: Verbosity,
    pub color: ColorChoice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PsConfig {
    pub format: PlainFormat,
    pub color: ColorChoice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoctorConfig {
    pub pid: Option<u32>,
    pub format: PlainFormat,
    pub color: ColorChoice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainConfig {
    /// A rule or an exercise that exists; `None`: the list of all.
    pub name: Option<String>,
    pub color: ColorChoice,
}

/// Which process to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Pid(u32),
    /// A command to start, never empty.
    Command(Vec<OsString>),
}

/// How much of the target's CPU time the probes may take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Budget {
    /// 0…1; 0 allows only what costs nothing.
    Share(f64),
    /// No limit, which the report says.
    None,
}

/// Where the report goes, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputConfig {
    pub format: Format,
    /// `None`: standard output.
    pub path: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: findings first, then call sites
    Text,
    /// rtprobe.report/v1, for programs
    Json,
    /// One self-contained page
    Html,
    /// For `go tool pprof`
    Pprof,
    /// Folded stacks, for flame graphs
    Folded,
}

/// Formats of commands whose answer is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    Text,
    Json,
}

/// Where the recording goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Save {
    /// A name made of the target and the time, in the current directory.
    Default,
    To(PathBuf),
    No,
}

/// What call sites are ranked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    /// Sum of all latencies
    Total,
    /// Number of operations
    Count,
    /// 99th percentile of the latency
    P99,
    /// Longest latency
    Max,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    Normal,
    /// `-v`: what is done, and why.
    Verbose,
    /// `-vv`: diagnostics of the kernel programs too.
    Debug,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal that shows colours, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

impl Command {
    /// Returns what was asked for by `--color`.
    pub fn color(&self) -> ColorChoice {
        match self {
            Self::Record(config) => config.color,
            Self::Report(config) => config.color,
            Self::Plan(config) => config.color,
            Self::Dump(config) => config.color,
            Self::Ps(config) => config.color,
            Self::Doctor(config) => config.color,
            Self::Explain(config) => config.color,
        }
    }
}
