//! What can be typed: the options with their help texts.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{
    Arg, ArgAction, Args, Parser, Subcommand,
    builder::{FalseyValueParser, PossibleValue, PossibleValuesParser, TypedValueParser as _},
    value_parser,
};

use super::{
    config::{Budget, ColorChoice, Format, PlainFormat, Sort},
    duration, overhead, pid,
};
use crate::{
    diagnose::catalogue::{EXERCISES, RULES},
    plan::PROBE_NAMES,
    report::Severity,
};

/// The logical probes that `--only` and `--skip` take.
pub const PROBES: [&str; PROBE_NAMES.len()] = {
    let mut names = [""; PROBE_NAMES.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = PROBE_NAMES[index].as_str();
        index += 1;
    }
    names
};

const EXAMPLES: &str = "\
Examples:
  sudo rtprobe --pid 1234                      watch 30 s, print the report
  sudo rtprobe --pid 1234 -d 2m -o run.json    two minutes, as JSON
  sudo rtprobe -- ./api --port 8080            start the program and watch it
  rtprobe ps                                   which Go programs run here
  sudo rtprobe dump --pid 1234                 what every goroutine waits for, and where
  rtprobe doctor --pid 1234                    what stands in the way, if anything
  rtprobe report api-1234.rtp --sort p99       the same figures again, without root

Exit codes:
  0 report written   1 failed   2 wrong usage   3 target cannot be profiled
  4 privilege or kernel feature missing   5 no such process
  10 --fail-on reached   130 second Ctrl-C";

/// Finds misuse of the Go runtime in a running program, from outside.
///
/// Attaches probes to the Go runtime inside an unmodified process, watches it for half a minute within a
/// budget of CPU time, and says which lines of the program make the runtime work needlessly. Without a
/// command, the options are those of `record`. Every option of `record` and `report` can also be set in the
/// environment, --max-overhead as `RTPROBE_MAX_OVERHEAD`; what is typed comes first.
#[derive(Debug, Parser)]
#[command(
    name = "rtprobe",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 100,
    override_usage = "rtprobe [OPTIONS] --pid <PID>\n       rtprobe [OPTIONS] -- <CMD>...\n       rtprobe <COMMAND>"
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Sub>,
    #[command(flatten)]
    pub(super) record: RecordArgs,
    #[command(flatten)]
    pub(super) ui: UiArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum Sub {
    /// Watch a process and print the report (what rtprobe does without a command)
    Record(RecordArgs),
    /// Print the report of a recording again, without root
    Report(ReportArgs),
    /// Show what would be attached where, at which cost; attaches nothing
    Plan(PlanArgs),
    /// Show what every goroutine does and where, read from memory: no probe, no signal, no stop
    Dump(DumpArgs),
    /// List the Go programs that run on this host
    Ps(PsArgs),
    /// Say whether this host, kernel and target can be profiled, and what each missing thing costs
    Doctor(DoctorArgs),
    /// Say what a finding means, its cure, and when not to bother
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// Process to watch
    #[arg(short, long, env = "RTPROBE_PID", hide_env = true, value_name = "PID",
          value_parser = pid::parse)]
    pub(super) pid: Option<u32>,
    /// How long: 500ms, 30s, 2m, 1h; 0 is until Ctrl-C
    #[arg(short, long, env = "RTPROBE_DURATION", hide_env = true, value_name = "TIME",
          default_value = "30s", value_parser = duration::parse)]
    pub(super) duration: Duration,
    /// Share of the target's CPU time that the probes may take; 0% is only what costs nothing, none is no limit
    #[arg(long, env = "RTPROBE_MAX_OVERHEAD", hide_env = true, value_name = "PERCENT",
          default_value = "2%", value_parser = overhead::parse)]
    pub(super) max_overhead: Budget,
    #[command(flatten)]
    pub(super) probes: ProbeArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// Where to save the recording [default: a name made of program, pid and time]
    #[arg(long, env = "RTPROBE_SAVE", hide_env = true, value_name = "FILE")]
    pub(super) save: Option<PathBuf>,
    /// Save no recording
    #[arg(long, env = "RTPROBE_NO_SAVE", hide_env = true, action = ArgAction::SetTrue,
          value_parser = FalseyValueParser::new())]
    pub(super) no_save: bool,
    /// Command to start and watch from its first instruction, as the user who called sudo; ended with the watch
    ///
    /// When the watch is over, the command gets SIGTERM, and SIGKILL if it is still there 3 seconds later; -d 0
    /// watches until it ends by itself. Its output goes where rtprobe's own goes: with -o the report goes elsewhere.
    #[arg(last = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// Only these probes, or what these rules or exercises need, separated by commas
    #[arg(long, env = "RTPROBE_ONLY", hide_env = true, value_name = "LIST", value_delimiter = ',',
          value_parser = probes_and_rules())]
    pub(super) only: Vec<String>,
    /// All but these probes; of a rule or exercise, it is not judged
    #[arg(long, env = "RTPROBE_SKIP", hide_env = true, value_name = "LIST", value_delimiter = ',',
          hide_possible_values = true, value_parser = probes_and_rules())]
    pub(super) skip: Vec<String>,
    /// Frames kept of each stack, 1 to 32
    #[arg(long, env = "RTPROBE_STACK_DEPTH", hide_env = true, value_name = "N", default_value = "8",
          value_parser = value_parser!(u32).range(1..=32))]
    pub(super) stack_depth: u32,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// Form of the report [default: from the suffix of --output, or text]
    #[arg(
        short,
        long,
        env = "RTPROBE_FORMAT",
        hide_env = true,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = false
    )]
    pub(super) format: Option<Format>,
    /// Where to write the report; - is standard output
    #[arg(
        short,
        long,
        env = "RTPROBE_OUTPUT",
        hide_env = true,
        value_name = "PATH"
    )]
    pub(super) output: Option<PathBuf>,
    /// Rows of a table
    #[arg(
        long,
        env = "RTPROBE_TOP",
        hide_env = true,
        value_name = "N",
        default_value = "20"
    )]
    pub(super) top: usize,
    /// What call sites are ranked by
    #[arg(
        long,
        env = "RTPROBE_SORT",
        hide_env = true,
        value_name = "KEY",
        value_enum,
        default_value = "total"
    )]
    pub(super) sort: Sort,
    /// Exit with 10 if a finding is at least this severe
    #[arg(long, env = "RTPROBE_FAIL_ON", hide_env = true, value_name = "SEVERITY",
          value_parser = PossibleValuesParser::new(["info", "warning", "critical"]).map(severity))]
    pub(super) fail_on: Option<Severity>,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Recording, a file that ends in .rtp
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// Share of the target's CPU time that the probes may take; 0% is only what costs nothing, none is no limit
    #[arg(long, env = "RTPROBE_MAX_OVERHEAD", hide_env = true, value_name = "PERCENT",
          default_value = "2%", value_parser = overhead::parse)]
    pub(super) max_overhead: Budget,
    #[command(flatten)]
    pub(super) probes: ProbeArgs,
    /// Form of the answer
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: PlainFormat,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct SubjectArgs {
    /// Process to plan for
    #[arg(short, long, value_name = "PID", value_parser = pid::parse)]
    pub(super) pid: Option<u32>,
    /// Executable to plan for; needs no root
    #[arg(long, value_name = "PATH")]
    pub(super) exe: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct DumpArgs {
    /// Process to look at
    #[arg(short, long, value_name = "PID", value_parser = pid::parse)]
    pub(super) pid: u32,
    /// Form of the answer [default: from the suffix of --output, or text]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub(super) format: Option<PlainFormat>,
    /// Where to write the answer; - is standard output
    #[arg(short, long, value_name = "PATH")]
    pub(super) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct PsArgs {
    /// Form of the answer
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Examine this process too
    #[arg(short, long, value_name = "PID", value_parser = pid::parse)]
    pub(super) pid: Option<u32>,
    /// Form of the answer
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) format: PlainFormat,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Rule or exercise, such as forced-gc or dive-6; without one, the list
    #[arg(value_name = "RULE|EXERCISE", value_parser = rules(), hide_possible_values = true)]
    pub(super) name: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct UiArgs {
    /// Say more; twice: diagnostics of the kernel programs too
    #[arg(short, long, env = "RTPROBE_VERBOSE", hide_env = true, global = true,
          action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Say nothing but errors
    #[arg(short, long, env = "RTPROBE_QUIET", hide_env = true, global = true,
          action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) quiet: bool,
    /// When to use colours
    #[arg(
        long,
        env = "RTPROBE_COLOR",
        hide_env = true,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value = "auto"
    )]
    pub(super) color: ColorChoice,
    /// Show no live figures
    #[arg(long, env = "RTPROBE_NO_PROGRESS", hide_env = true, global = true,
          action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    pub(super) no_progress: bool,
}

/// Names of rules and exercises.
fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(rule_names())
}

fn rule_names() -> impl Iterator<Item = &'static str> {
    let rules = RULES.iter().map(|rule| rule.name);
    rules.chain(EXERCISES.iter().map(|(key, _)| *key))
}

/// Names of probes, rules and exercises.
fn probes_and_rules() -> PossibleValuesParser {
    let values = PROBES.into_iter().map(PossibleValue::new);
    let hidden = rule_names().map(|name| PossibleValue::new(name).hide(true));
    PossibleValuesParser::new(values.chain(hidden))
}

/// Takes one name of a probe, rule or exercise, and hides none: clap suggests no hidden one.
pub(super) fn one_name() -> clap::Command {
    let names = PROBES.into_iter().chain(rule_names());
    let name = Arg::new("name").value_parser(PossibleValuesParser::new(names));
    clap::Command::new("rtprobe").arg(name)
}

#[expect(clippy::needless_pass_by_value, reason = "clap gives the value away")]
fn severity(name: String) -> Severity {
    match name.as_str() {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    }
}
