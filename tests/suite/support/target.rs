//! A Go program as a child process that can't outlive its test.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::Truth;

/// Longer than anything a target does, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A running target; killed on drop, and ending by itself when its stdin ends with the test.
#[derive(Debug)]
pub(crate) struct GoTarget {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl GoTarget {
    /// Starts the program and waits until it has said `READY`.
    #[track_caller]
    pub(crate) fn start(binary: &Path, args: &[&str]) -> Self {
        let mut command = Command::new(binary);
        command.args(args);
        let mut target = Self::spawn(&mut command);
        target.wait_for("READY");
        target
    }

    /// Starts any command as a target, without waiting for anything.
    #[track_caller]
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            stdin,
            lines,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to stdin: lets a program started with `-wait` begin.
    #[track_caller]
    pub(crate) fn begin(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Writes a command to stdin, for programs that take some.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str) {
        let line = format!("{command}\n");
        self.stdin
            .as_mut()
            .unwrap()
            .write_all(line.as_bytes())
            .unwrap();
    }

    /// Returns the next line.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// Returns the lines before the one that is `end`.
    #[track_caller]
    pub(crate) fn lines_until(&mut self, end: &str) -> Vec<String> {
        std::iter::from_fn(|| Some(self.next_line()).filter(|line| line != end)).collect()
    }

    /// Ends the program's stdin, which makes it finish its work.
    pub(crate) fn end_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Waits for a line that starts with `prefix`, passing over others, and returns it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, prefix: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let left = give_up.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.starts_with(prefix) => return line,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no line with `{prefix}` in {PATIENCE:?}; seen: {seen:?}")
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended without a line with `{prefix}`; seen: {seen:?}")
                }
            }
        }
    }

    /// Waits for what the program counted.
    #[track_caller]
    pub(crate) fn truth(&mut self) -> Truth {
        serde_json::from_str(&self.wait_for("{")).unwrap()
    }

    /// Ends the program's stdin and waits until it has gone.
    #[track_caller]
    pub(crate) fn finish(mut self) -> ExitStatus {
        drop(self.stdin.take());
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < give_up,
                "still there {PATIENCE:?} after its stdin ended"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for GoTarget {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("warning: target {} can't be waited for", self.pid());
        }
    }
}
