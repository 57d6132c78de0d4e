//! Child processes that can't outlive their test, and whose output is read while they run.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long anything may take to end, on a machine that is busy.
pub(crate) const END: Duration = Duration::from_mins(1);

/// A running child: its stderr by lines, its stdout as a whole.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    stdout: Option<JoinHandle<Vec<u8>>>,
    /// Lines of stderr taken so far.
    pub(crate) stderr: Vec<String>,
}

/// A child that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<String>,
}

impl Process {
    /// Starts `command`; its stdout is collected unless it was redirected.
    #[track_caller]
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("failed to run {command:?} ({error}): `cargo xtask build` makes rtprobe")
            });
        let stdout = child.stdout.take().map(|mut stdout| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                stdout.read_to_end(&mut bytes).unwrap();
                bytes
            })
        });
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stderr.split(b'\n').map_while(Result::ok) {
                if send
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_err()
                {
                    break;
                }
            }
        });
        Self {
            child,
            lines,
            stdout,
            stderr: Vec::new(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of stderr that holds `text`, within `patience`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str, patience: Duration) {
        let give_up = Instant::now() + patience;
        loop {
            match self
                .lines
                .recv_timeout(give_up.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.stderr.push(line),
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "no line with `{text}` in {patience:?}; stderr: {:#?}",
                        self.stderr
                    )
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().unwrap();
                    panic!(
                        "{status} before a line with `{text}`; stderr: {:#?}",
                        self.stderr
                    )
                }
            }
            if self.stderr.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, number: libc::c_int) {
        signal(self.pid(), number);
    }

    /// Returns the status if it has ended.
    pub(crate) fn try_wait(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits for the end, within `patience`, and for all that was written.
    #[track_caller]
    pub(crate) fn end(mut self, patience: Duration) -> Ended {
        let status = self.wait(patience);
        let stdout = self.stdout.take().map(|reader| reader.join().unwrap());
        let stderr = self.stderr();
        Ended {
            status,
            stdout: stdout.unwrap_or_default(),
            stderr,
        }
    }

    /// Waits for the end, within `patience`, where a child of its own may go on and hold its stdout.
    #[track_caller]
    pub(crate) fn end_alone(mut self, patience: Duration) -> Ended {
        let status = self.wait(patience);
        Ended {
            status,
            stdout: Vec::new(),
            stderr: self.stderr(),
        }
    }

    #[track_caller]
    fn wait(&mut self, patience: Duration) -> ExitStatus {
        let give_up = Instant::now() + patience;
        loop {
            if let Some(status) = self.try_wait() {
                return status;
            }
            if Instant::now() >= give_up {
                self.stderr.extend(self.lines.try_iter());
                panic!("still there after {patience:?}; stderr: {:#?}", self.stderr);
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn stderr(&mut self) -> Vec<String> {
        // Ends when the last writer has gone, which a grandchild may be: what is there by now is enough.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
            self.stderr.push(line);
        }
        std::mem::take(&mut self.stderr)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// Checks that the exit code is `code`, and returns the ended process.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        let (found, signal) = (self.status.code(), self.status.signal());
        assert_eq!(
            found,
            Some(code),
            "signal {signal:?}, stderr: {:#?}",
            self.stderr
        );
        self
    }
}

/// Sends a signal to a process that this test started.
#[track_caller]
pub(crate) fn signal(pid: u32, number: libc::c_int) {
    // SAFETY: has no preconditions.
    let result = unsafe { libc::kill(pid as libc::pid_t, number) };
    assert_eq!(
        result,
        0,
        "failed to signal {pid}: {}",
        std::io::Error::last_os_error()
    );
}
