//! The Go program under measurement, as a child that obeys lines on its stdin.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    str::FromStr,
};

use anyhow::{Context as _, Result, ensure};

/// What a number of operations took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) n: u64,
    /// CPU time of all threads, traps included.
    pub(crate) cpu_ns: f64,
}

impl Work {
    pub(crate) fn cpu_ns_per_op(&self) -> f64 {
        self.cpu_ns / self.n.max(1) as f64
    }
}

/// A running child; killed when it goes.
#[derive(Debug)]
pub(crate) struct Target {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// What it said behind `READY`.
    pub(crate) greeting: Vec<String>,
}

impl Target {
    /// Starts `binary` and waits until it says `READY`.
    pub(crate) fn start(binary: &Path, args: &[&str]) -> Result<Self> {
        Self::spawn(Command::new(binary).args(args), binary)
    }

    /// The same on one CPU only.
    pub(crate) fn start_on(cpu: usize, binary: &Path, args: &[&str]) -> Result<Self> {
        let mut command = Command::new("taskset");
        command.arg("-c").arg(cpu.to_string());
        Self::spawn(command.arg(binary).args(args), binary)
    }

    fn spawn(command: &mut Command, binary: &Path) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", binary.display()))?;
        let stdin = child.stdin.take().context("the target has no stdin")?;
        let stdout = child.stdout.take().context("the target has no stdout")?;
        let mut target = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            greeting: Vec::new(),
        };
        target.greeting = target.answer("READY")?;
        Ok(target)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line, to be answered by a line that begins with `word`; returns the words behind it.
    pub(crate) fn ask(&mut self, line: &str, word: &str) -> Result<Vec<String>> {
        self.tell(line)?;
        self.answer(word)
    }

    /// Sends a line.
    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        writeln!(self.stdin, "{line}").with_context(|| format!("failed to send `{line}`"))
    }

    /// Waits for a line that begins with `word`; returns the words behind it.
    pub(crate) fn answer(&mut self, word: &str) -> Result<Vec<String>> {
        let mut line = String::new();
        loop {
            line.clear();
            let n = self.stdout.read_line(&mut line)?;
            ensure!(n > 0, "the target ended without saying {word}");
            let mut words = line.split_whitespace().map(str::to_owned);
            if words.next().as_deref() == Some(word) {
                return Ok(words.collect());
            }
        }
    }

    /// Makes the program do its work: `slice OP N`.
    pub(crate) fn work(&mut self, line: &str) -> Result<Work> {
        let words = self.ask(line, "DONE")?;
        Ok(Work {
            n: field(&words, 1)?,
            cpu_ns: field(&words, 2)?,
        })
    }
}

/// Reads the word at `index`.
pub(crate) fn field<T: FromStr>(words: &[String], index: usize) -> Result<T> {
    words
        .get(index)
        .and_then(|word| word.parse().ok())
        .with_context(|| format!("no figure at {index} of {words:?}"))
}

impl Drop for Target {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
