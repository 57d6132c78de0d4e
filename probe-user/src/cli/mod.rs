//! The command line: what was typed (`args`) to what it means (`config`).
//!
//! Pure but for reading the environment; prints nothing.

mod args;
mod config;
pub mod duration;
mod overhead;
mod pid;
mod usage;

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, parser::ValueSource};

pub use self::{
    args::PROBES,
    config::{
        Budget, ColorChoice, Command, DoctorConfig, DumpConfig, ExplainConfig, Format,
        OutputConfig, PlainFormat, PlanConfig, PlanSubject, PsConfig, RecordConfig, ReportConfig,
        Save, Selector, Sort, Verbosity,
    },
};
use self::{
    args::{Cli, DumpArgs, OutputArgs, PlanArgs, ProbeArgs, RecordArgs, ReportArgs, Sub, UiArgs},
    usage::wrong,
};
use crate::{diagnose::catalogue, failure::Failure};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    Run(Command),
    /// `--help` or `--version`: text for standard output, with terminal styles.
    Print(String),
}

/// Reads a command line, program name first, and the `RTPROBE_…` variables of the environment.
///
/// `bpf_hash` is the source hash of the kernel programs that `--version` shows. Everything wrong is a
/// [`Failure`] with [`Exit::Usage`](crate::failure::Exit::Usage).
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    bpf_hash: Option<&str>,
) -> Result<Invocation, Failure> {
    let matches = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return usage::from_clap(&error, bpf_hash),
    };
    let cli = Cli::from_arg_matches(&matches).map_err(|error| wrong(error.to_string()))?;
    let ui = &cli.ui;
    let command = match cli.command {
        None => Command::Record(record(cli.record, ui, &matches)?),
        Some(sub) => {
            let inner = matches.subcommand().map_or(&matches, |(_, inner)| inner);
            match sub {
                Sub::Record(args) => Command::Record(record(args, ui, inner)?),
                Sub::Report(args) => Command::Report(report(args, ui, inner)?),
                Sub::Plan(args) => Command::Plan(plan(args, ui, inner)?),
                Sub::Dump(args) => Command::Dump(dump(args, ui, inner)?),
                Sub::Ps(args) => Command::Ps(PsConfig {
                    format: args.format,
                    color: ui.color,
                }),
                Sub::Doctor(args) => Command::Doctor(DoctorConfig {
                    pid: args.pid,
                    format: args.format,
                    color: ui.color,
                }),
                Sub::Explain(args) => Command::Explain(ExplainConfig {
                    name: args.name,
                    color: ui.color,
                }),
            }
        }
    };
    Ok(Invocation::Run(command))
}

/// Whether an option can be set by this variable of the environment.
pub fn reads(variable: &OsStr) -> bool {
    let cli = Cli::command();
    let commands = std::iter::once(&cli).chain(cli.get_subcommands());
    commands
        .flat_map(clap::Command::get_arguments)
        .any(|argument| argument.get_env() == Some(variable))
}

fn record(args: RecordArgs, ui: &UiArgs, matches: &ArgMatches) -> Result<RecordConfig, Failure> {
    let probes = probes(args.probes)?;
    Ok(RecordConfig {
        selector: selector(args.pid, args.command, matches)?,
        duration: (!args.duration.is_zero()).then_some(args.duration),
        max_overhead: args.max_overhead,
        only: probes.only,
        skip: probes.skip,
        stack_depth: probes.stack_depth,
        top: args.output.top,
        sort: args.output.sort,
        fail_on: args.output.fail_on,
        output: output(&args.output)?,
        save: save(args.save, args.no_save, matches)?,
        verbosity: verbosity(ui, matches)?,
        progress: !ui.no_progress && !ui.quiet,
        color: ui.color,
    })
}

fn report(args: ReportArgs, ui: &UiArgs, matches: &ArgMatches) -> Result<ReportConfig, Failure> {
    Ok(ReportConfig {
        output: output(&args.output)?,
        file: args.file,
        top: args.output.top,
        sort: args.output.sort,
        fail_on: args.output.fail_on,
        verbosity: verbosity(ui, matches)?,
        color: ui.color,
    })
}

fn plan(args: PlanArgs, ui: &UiArgs, matches: &ArgMatches) -> Result<PlanConfig, Failure> {
    let probes = probes(args.probes)?;
    let subject = match (args.subject.pid, args.subject.exe) {
        (Some(pid), _) => PlanSubject::Pid(pid),
        (None, Some(exe)) => PlanSubject::Exe(exe),
        (None, None) => return Err(wrong("neither --pid nor --exe")),
    };
    Ok(PlanConfig {
        subject,
        max_overhead: args.max_overhead,
        only: probes.only,
        skip: probes.skip,
        stack_depth: probes.stack_depth,
        format: args.format,
        verbosity: verbosity(ui, matches)?,
        color: ui.color,
    })
}

fn dump(args: DumpArgs, ui: &UiArgs, matches: &ArgMatches) -> Result<DumpConfig, Failure> {
    let path = args.output.filter(|path| path.as_path() != Path::new("-"));
    let is_json = |path: &PathBuf| path.extension().is_some_and(|suffix| suffix == "json");
    let by_suffix = if path.as_ref().is_some_and(is_json) {
        PlainFormat::Json
    } else {
        PlainFormat::Text
    };
    Ok(DumpConfig {
        pid: args.pid,
        format: args.format.unwrap_or(by_suffix),
        path,
        verbosity: verbosity(ui, matches)?,
        color: ui.color,
    })
}

fn selector(
    pid: Option<u32>,
    command: Vec<OsString>,
    matches: &ArgMatches,
) -> Result<Selector, Failure> {
    match pid {
        Some(pid) if command.is_empty() => Ok(Selector::Pid(pid)),
        Some(pid) if typed(matches, "pid") => Err(wrong("--pid and a command exclude each other")
            .found(format!("--pid {pid} and a command after --"))),
        // A pid in the environment yields to what was typed.
        _ if !command.is_empty() => Ok(Selector::Command(command)),
        _ => Err(wrong("nothing to watch: neither --pid nor a command").try_("rtprobe ps")),
    }
}

/// Adds the probes that the named rules and exercises need, and drops from `--only` what both lists name; an
/// empty rest is wrong usage.
fn probes(args: ProbeArgs) -> Result<ProbeArgs, Failure> {
    let args = ProbeArgs {
        only: catalogue::with_probes(&args.only),
        ..args
    };
    let named = if args.only.is_empty() {
        PROBES.map(str::to_owned).to_vec()
    } else {
        args.only.clone()
    };
    if named.iter().all(|name| args.skip.contains(name)) {
        return Err(wrong("no probe is left")
            .found(format!("--skip {} covers all of them", args.skip.join(","))));
    }
    Ok(args)
}

fn output(args: &OutputArgs) -> Result<OutputConfig, Failure> {
    let path = args
        .output
        .clone()
        .filter(|path| path.as_path() != Path::new("-"));
    let format = match (args.format, &path) {
        (Some(format), _) => format,
        (None, None) => Format::Text,
        (None, Some(path)) => format_from_suffix(path)?,
    };
    Ok(OutputConfig { format, path })
}

const SUFFIXES: [(&str, Format); 7] = [
    (".json", Format::Json),
    (".html", Format::Html),
    (".pb.gz", Format::Pprof),
    (".pprof.gz", Format::Pprof),
    (".pprof", Format::Pprof),
    (".folded", Format::Folded),
    (".txt", Format::Text),
];

/// Reads the format from a file name; a name without a suffix is text.
fn format_from_suffix(path: &Path) -> Result<Format, Failure> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().to_ascii_lowercase())
        .unwrap_or_default();
    for (suffix, format) in SUFFIXES {
        if name.ends_with(suffix) {
            return Ok(format);
        }
    }
    if name.trim_start_matches('.').contains('.') {
        let known = SUFFIXES.map(|(suffix, _)| suffix).join(" ");
        return Err(
            wrong("the suffix of --output does not say the format; give --format")
                .found(format!("`{}`, known are {known}", path.display())),
        );
    }
    Ok(Format::Text)
}

fn save(save: Option<PathBuf>, no_save: bool, matches: &ArgMatches) -> Result<Save, Failure> {
    match (save, no_save) {
        (None, false) => Ok(Save::Default),
        (None, true) => Ok(Save::No),
        (Some(path), false) => Ok(Save::To(path)),
        (Some(path), true) => match (typed(matches, "save"), typed(matches, "no_save")) {
            (true, true) => Err(wrong("--save and --no-save exclude each other")),
            (true, false) => Ok(Save::To(path)),
            (false, _) => Ok(Save::No),
        },
    }
}

fn verbosity(ui: &UiArgs, matches: &ArgMatches) -> Result<Verbosity, Failure> {
    let loud = match ui.verbose {
        0 => Verbosity::Normal,
        1 => Verbosity::Verbose,
        _ => Verbosity::Debug,
    };
    match (ui.quiet, ui.verbose > 0) {
        (false, _) => Ok(loud),
        (true, false) => Ok(Verbosity::Quiet),
        (true, true) => match (typed(matches, "quiet"), typed(matches, "verbose")) {
            (false, true) => Ok(loud),
            (true | false, false) => Ok(Verbosity::Quiet),
            (true, true) => Err(wrong("--quiet and --verbose exclude each other")),
        },
    }
}

/// Whether an option was on the command line, rather than in the environment or left out.
fn typed(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

#[cfg(test)]
mod tests;
