//! rtprobe while it watches a target.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use probe_user::report::Report;

use super::{
    command::{binary, report},
    process::{END, Ended, Process},
};

/// A running `rtprobe record` whose probes are on.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) rtprobe: Process,
}

impl Watch {
    /// Watches `pid` until it is told to end, reporting in JSON and saving nothing.
    #[track_caller]
    pub(crate) fn start(pid: u32) -> Self {
        let options = [
            "-d",
            "0",
            "--max-overhead",
            "none",
            "-f",
            "json",
            "--no-save",
        ];
        Self::start_with(pid, &options)
    }

    /// Watches `pid` with these options, and returns when the probes are on.
    #[track_caller]
    pub(crate) fn start_with<S: AsRef<OsStr>>(pid: u32, options: &[S]) -> Self {
        let mut command = Self::command();
        command.args(["--pid", &pid.to_string()]).args(options);
        Self::run(&mut command)
    }

    /// `rtprobe`, with its output to be collected. Without a limit unless options set one: what is counted
    /// exactly has to be on all the time.
    pub(crate) fn command() -> Command {
        let mut command = Command::new(binary());
        command.env("RTPROBE_MAX_OVERHEAD", "none");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command
    }

    /// Runs a command that watches, and returns when the probes are on.
    #[track_caller]
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut rtprobe = Process::spawn(command);
        rtprobe.wait_for("attached ", END);
        Self { rtprobe }
    }

    /// Ends the window as Ctrl-C does, and returns what rtprobe left.
    #[track_caller]
    pub(crate) fn interrupt(self) -> Ended {
        self.rtprobe.signal(libc::SIGINT);
        self.rtprobe.end(END).with_code(0)
    }

    /// Ends the window, and returns its report.
    #[track_caller]
    pub(crate) fn finish(self) -> Report {
        report(&self.interrupt().stdout)
    }
}
