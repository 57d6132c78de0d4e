//! Parses, runs, prints, and chooses the exit code: the only place that does.

mod logger;
mod sink;

use std::{
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::ExitCode,
    thread,
};

use anstream::adapter::strip_str;
use probe_user::{
    attach::{BPF_HASH, holder},
    cli::{
        self, Command, DoctorConfig, DumpConfig, ExplainConfig, Format, Invocation, OutputConfig,
        PlainFormat, PlanConfig, PsConfig, RecordConfig, ReportConfig, Save, Verbosity,
    },
    discover::ProcFs,
    doctor,
    failure::{self, Exit, Failure},
    inspect, output, ps, recording,
    render::{self, TextOptions},
    report::{Report, Severity},
    session::{self, Ends, Recorded},
    summary::summarize,
    sys,
};
use serde::Serialize;
use sink::{Page, Sink};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

/// `--fail-on` was reached; the report was written.
const FINDINGS: u8 = 10;
/// A second Ctrl-C: left without a report.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    if holder::is_wanted(std::env::args_os().next().as_deref()) {
        return holder::hold().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    sys::keep_no_large_memory();
    let code = match cli::parse(std::env::args_os(), Some(BPF_HASH.trim())) {
        Ok(Invocation::Print(text)) => print(&text),
        Ok(Invocation::Run(command)) => run(&command),
        Err(failure) => Err(failure),
    };
    code.map_or_else(|failure| complain(&with_retry(failure)), ExitCode::from)
}

/// Runs a command and returns its exit code.
fn run(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Record(config) => record(config),
        Command::Report(config) => report(config),
        Command::Plan(config) => plan(config),
        Command::Dump(config) => dump(config),
        Command::Ps(config) => ps(config),
        Command::Doctor(config) => doctor(config),
        Command::Explain(config) => explain(config),
    }
}

fn record(config: &RecordConfig) -> Result<u8, Failure> {
    logger::start(config.verbosity);
    require_two_files(config)?;
    let page = Page::new(&config.output, config.color)?;
    let sink = Sink::open(&config.output)?;
    let Recorded {
        report,
        saved,
        incomplete,
    } = runtime()?.block_on(async {
        // First what ends the window, so that no interrupt is heard only by what counts them.
        let ends = Ends::listen().map_err(|e| Failure::io("failed to listen for signals", &e))?;
        leave_on_second_interrupt();
        session::record(config, ends).await
    })?;
    let text = TextOptions {
        top: config.top,
        sort: page.sort(config.sort),
        verbose: config.verbosity >= Verbosity::Verbose,
        ..page.text()
    };
    let written = sink
        .write(&report, &page, &text)
        .map_err(|failure| with_recording(failure, saved.as_deref()))?;
    if config.verbosity > Verbosity::Quiet {
        let mut files = Vec::new();
        files.extend(written.as_deref().map(|path| ("report", path)));
        files.extend(saved.as_deref().map(|path| ("recording", path)));
        let next = saved.as_ref().map_or_else(String::new, |path| {
            format!("rtprobe report {} -v", sink::shell_word(path))
        });
        tell(&render::footer(&files, &next));
    }
    match incomplete {
        Some(failure) => Err(failure),
        None => Ok(verdict(&report, config.fail_on)),
    }
}

/// Refuses to write the report over the recording, or the other way round.
fn require_two_files(config: &RecordConfig) -> Result<(), Failure> {
    let (Save::To(recording), Some(report)) = (&config.save, &config.output.path) else {
        return Ok(());
    };
    if !output::is_same_file(recording, report) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Usage,
        "the report and the recording cannot be the same file",
    )
    .found(format!(
        "--save {} and --output {}",
        recording.display(),
        report.display()
    ))
    .try_("the same without --save: the recording gets a name of its own"))
}

/// Says where the figures still are when the report can't be written.
fn with_recording(failure: Failure, saved: Option<&Path>) -> Failure {
    match saved {
        Some(path) => failure.try_(format!("rtprobe report {}", sink::shell_word(path))),
        None => failure,
    }
}

fn report(config: &ReportConfig) -> Result<u8, Failure> {
    logger::start(config.verbosity);
    let page = Page::new(&config.output, config.color)?;
    let file = std::fs::File::open(&config.file)
        .map_err(|e| Failure::io(&format!("failed to open {}", config.file.display()), &e))?;
    let recording = recording::read(file).map_err(|e| {
        Failure::from_error(Exit::Failed, &e).found(config.file.display().to_string())
    })?;
    let report = summarize(&recording);
    let text = TextOptions {
        top: config.top,
        sort: page.sort(config.sort),
        verbose: config.verbosity >= Verbosity::Verbose,
        ..page.text()
    };
    Sink::open(&config.output)?.write(&report, &page, &text)?;
    Ok(verdict(&report, config.fail_on))
}

fn plan(config: &PlanConfig) -> Result<u8, Failure> {
    let plan = session::plan(config)?;
    let page = Page::standard(config.color);
    let options = TextOptions {
        verbose: config.verbosity >= Verbosity::Verbose,
        ..page.text()
    };
    answer(config.format, &plan, |text| {
        render::write_plan(&plan, &options, text)
    })?;
    Ok(0)
}

fn dump(config: &DumpConfig) -> Result<u8, Failure> {
    logger::start(config.verbosity);
    let output = OutputConfig {
        format: match config.format {
            PlainFormat::Text => Format::Text,
            PlainFormat::Json => Format::Json,
        },
        path: config.path.clone(),
    };
    let page = Page::new(&output, config.color)?;
    let sink = Sink::open(&output)?;
    let dump = session::dump(config.pid)?;
    let text = TextOptions {
        verbose: config.verbosity >= Verbosity::Verbose,
        ..page.text()
    };
    let mut bytes = Vec::new();
    let written = match config.format {
        PlainFormat::Text => render::write_dump(&dump, &text, &mut bytes),
        PlainFormat::Json => render::write_dump_json(&dump, &mut bytes),
    };
    written.map_err(|e| Failure::io("failed to write the answer", &e))?;
    sink.write_bytes(&bytes)?;
    Ok(0)
}

fn ps(config: &PsConfig) -> Result<u8, Failure> {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listing = ps::list(&ProcFs::host(), &passwd, &inspect::go_program)
        .map_err(|e| Failure::io("failed to list processes", &e))?;
    let page = Page::standard(config.color);
    answer(config.format, &listing, |text| {
        render::write_ps(&listing, &page.text(), text)
    })?;
    for note in listing.skipped.notes() {
        tell(&format!("{note}\n"));
    }
    Ok(0)
}

fn doctor(config: &DoctorConfig) -> Result<u8, Failure> {
    let examination = doctor::examine(config.pid, &inspect::go_program);
    let page = Page::standard(config.color);
    answer(config.format, &examination, |text| {
        render::write_doctor(&examination, &page.text(), text)
    })?;
    Ok(examination.exit_code)
}

fn explain(config: &ExplainConfig) -> Result<u8, Failure> {
    let page = Page::standard(config.color);
    let mut text = Vec::new();
    let written = match &config.name {
        Some(name) => render::write_explanation(name, &page.text(), &mut text),
        None => render::write_catalogue(&page.text(), &mut text),
    };
    written.map_err(|e| Failure::io("failed to write the answer", &e))?;
    sink::to_stdout(&text)?;
    Ok(0)
}

/// Writes the answer of a command to stdout.
fn answer(
    format: PlainFormat,
    value: &impl Serialize,
    write_text: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut text = Vec::new();
    let written = match format {
        PlainFormat::Text => write_text(&mut text),
        PlainFormat::Json => serde_json::to_writer_pretty(&mut text, value)
            .map_err(io::Error::from)
            .and_then(|()| text.write_all(b"\n")),
    };
    written.map_err(|e| Failure::io("failed to write the answer", &e))?;
    sink::to_stdout(&text)
}

/// Returns whether the findings reach what was asked to fail on.
fn verdict(report: &Report, fail_on: Option<Severity>) -> u8 {
    let reached = |limit| {
        report
            .findings
            .iter()
            .any(|finding| finding.severity >= limit)
    };
    if fail_on.is_some_and(reached) {
        FINDINGS
    } else {
        0
    }
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::io("failed to start the runtime", &e))
}

/// Leaves without a report at the second interrupt; the first one ends the window, see [`Ends`]. On a thread of its
/// own, because the session may be in a system call that takes its time.
fn leave_on_second_interrupt() {
    thread::spawn(|| {
        let Ok(runtime) = runtime() else { return };
        runtime.block_on(async {
            let Ok(mut interrupt) = signal(SignalKind::interrupt()) else {
                return;
            };
            for _ in 0..2 {
                interrupt.recv().await;
            }
            leave(INTERRUPTED);
        });
    });
}

/// The recording is whole up to its last second, the report is not begun, and the kernel takes the probes off.
#[expect(
    clippy::exit,
    reason = "nothing that is left to do may keep the user waiting"
)]
fn leave(code: u8) {
    output::discard_unfinished();
    std::process::exit(i32::from(code));
}

/// Prints help or version; its styles are for terminals only.
fn print(text: &str) -> Result<u8, Failure> {
    if anstream::AutoStream::choice(&io::stdout()) == anstream::ColorChoice::Never {
        sink::to_stdout(strip_str(text).to_string().as_bytes())?;
    } else {
        sink::to_stdout(text.as_bytes())?;
    }
    Ok(0)
}

/// Writes to stderr; nobody is told when that fails, because that is where it would be said.
fn tell(text: &str) {
    drop(io::stderr().lock().write_all(text.as_bytes()));
}

/// Says how to do the same as root, where that is what is missing.
fn with_retry(failure: Failure) -> Failure {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if failure.code != Exit::NoPrivilege || is_root {
        return failure;
    }
    let variables = std::env::vars_os().filter(|(name, _)| cli::reads(name));
    failure.try_(failure::sudo_retry(std::env::args_os(), variables))
}

fn complain(failure: &Failure) -> ExitCode {
    let failure = with_retry(failure.clone());
    tell(&format!("{failure}\n"));
    ExitCode::from(failure.code as u8)
}
