//! One named step of a longer run: says that it began, that it goes on, how it ended.

use std::{
    process::Command,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

const HEARTBEAT: Duration = Duration::from_secs(20);

/// Runs `work` between two lines on stderr, with a sign of life every 20 s.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    eprintln!("[xtask] {name} …");
    let began = Instant::now();
    let (ended, wait) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            while wait.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                eprintln!(
                    "[xtask] {name}: running for {} s",
                    began.elapsed().as_secs()
                );
            }
        });
        let result = work();
        drop(ended);
        result
    });
    let outcome = if result.is_ok() { "done" } else { "FAILED" };
    eprintln!(
        "[xtask] {name}: {outcome} in {:.1} s",
        began.elapsed().as_secs_f64()
    );
    result
}

/// Runs `command` to its end as a step of its own.
pub(crate) fn run(name: &str, command: &mut Command) -> Result<()> {
    step(name, || check(command))
}

/// Runs `command` to its end; anything but exit status 0 is an error that shows the command line.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command
        .status()
        .with_context(|| format!("failed to start `{line}`"))?;
    ensure!(status.success(), "`{line}` ended with {status}");
    Ok(())
}

/// Runs `command` and returns what it wrote to stdout, without the white space around it.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output = command
        .output()
        .with_context(|| format!("failed to start `{line}`"))?;
    ensure!(
        output.status.success(),
        "`{line}` ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
