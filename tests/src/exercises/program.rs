//! A program of an exercise as a child process.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

/// Longer than a program takes to start or to end, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a program runs for if nobody ends it.
const LONGEST: &str = "180s";

/// What a program says about itself when it ends.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Truth {
    pub calls: u64,
    pub bytes: u64,
    pub elapsed_ns: u64,
    pub calls_per_s: f64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub cpu_ns: u64,
    pub cpu_share: f64,
}

/// A running program; killed on drop, and ending by itself when its stdin ends with this process.
#[derive(Debug)]
pub(super) struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts it and waits until it works.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command
            .args(["-stdin", "-duration", LONGEST])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| {
                format!(
                    "failed to start {}",
                    command.get_program().to_string_lossy()
                )
            })?;
        let stdout = child.stdout.take().context("the program has no stdout")?;
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout)
                .lines()
                .map_while(std::result::Result::ok);
            for line in lines {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let program = Self { child, lines };
        program.line("READY")?;
        Ok(program)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and returns what it has counted.
    pub(super) fn finish(mut self) -> Result<Truth> {
        drop(self.child.stdin.take());
        let truth = self.line("{")?;
        serde_json::from_str(&truth).with_context(|| format!("no truth in `{truth}`"))
    }

    fn line(&self, prefix: &str) -> Result<String> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(prefix) => return Ok(line),
                Ok(_) => {}
                Err(error) => bail!("the program did not say `{prefix}`: {error}"),
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        let gone = self.child.kill().and_then(|()| self.child.wait());
        drop(gone);
    }
}
