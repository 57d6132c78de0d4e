//! Why a process cannot be watched.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    go_program::GoChild,
    privilege::{self, Capability},
};

/// Text of [`DiscoverError::Privilege`]: what is missing, or that none of it counts.
fn privilege_text(missing: &[Capability]) -> String {
    if missing.is_empty() {
        "profiling needs the host's user namespace".to_owned()
    } else {
        format!("missing {}", privilege::names(missing))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    #[error("no process with pid {pid}")]
    NoSuchProcess { pid: u32 },
    /// The number is a pid inside a container; `here` are the pids of those processes on this host.
    #[error("no process with pid {pid} in this pid namespace")]
    OtherNamespace { pid: u32, here: Vec<u32> },
    #[error("{pid} is a thread of process {process} ({comm})")]
    Thread {
        pid: u32,
        process: u32,
        comm: String,
    },
    #[error("process {pid} ended before the first probe was on")]
    Ended { pid: u32 },
    #[error("process {pid} ({comm}) has ended and waits for its parent")]
    Zombie { pid: u32, comm: String },
    #[error("{pid} ({comm}) is a thread of the kernel")]
    KernelThread { pid: u32, comm: String },
    #[error("{pid} is rtprobe itself")]
    OwnPid { pid: u32 },
    #[error("process {pid} ({comm}) is being traced")]
    Traced {
        pid: u32,
        comm: String,
        tracer: u32,
        tracer_comm: String,
    },
    #[error("pid {pid} ({comm}) is not a Go program")]
    NotGo {
        pid: u32,
        comm: String,
        exe: PathBuf,
        /// What the executable lacks.
        found: String,
        children: Vec<GoChild>,
    },
    #[error("{}", privilege_text(.missing))]
    Privilege {
        missing: Vec<Capability>,
        have: Vec<Capability>,
        initial_user_namespace: bool,
    },
    #[error("not allowed to read `{}`", path.display())]
    Denied { path: PathBuf, source: io::Error },
    #[error("failed to read `{}`", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("`{}` has an unknown form", path.display())]
    Malformed { path: PathBuf },
    #[error("the text of process {pid} is not mapped from its executable, as if it were packed")]
    NoFileText { pid: u32 },
    #[error("the mappings of process {pid} contradict the segments of its executable")]
    Bias { pid: u32 },
    #[error("failed to watch process {pid} for its end")]
    Pidfd { pid: u32, source: io::Error },
    #[error("no such command: `{command}`")]
    NoSuchCommand { command: String },
    #[error("`{command}` {what}")]
    NotExecutable { command: String, what: String },
    #[error("`{command}` is not a program of its own but run by an interpreter")]
    Script { command: String },
    #[error("failed to start `{command}`")]
    Start { command: String, source: io::Error },
}

impl DiscoverError {
    /// Sorts an error of a file of process `pid`: a process may end between any two reads.
    pub(crate) fn from_io(pid: u32, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.raw_os_error() {
            Some(libc::ENOENT | libc::ESRCH) => Self::Ended { pid },
            Some(libc::EACCES | libc::EPERM) => Self::Denied { path, source },
            _ => Self::Read { path, source },
        }
    }
}
