//! Go programs among processes. What makes a file one is for `analyze` to say: callers pass that in.

use std::fs::File;

use super::{ProcFs, Target};
use crate::{discover::DiscoverError, report::Binary};

/// Descendants of a wrapper that are looked into.
const MAX_DESCENDANTS: usize = 1000;

/// What a look into an executable says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoProgram {
    /// As recorded in the binary, for example `go1.27.3`.
    pub go_version: String,
    pub module: Option<String>,
    pub binary: Binary,
    /// Executable segments as [`Target::load_bias`] takes them.
    pub text_segments: Vec<(u64, u64, u64)>,
}

/// Looks into an executable; `None` if it is no Go program.
pub type Inspect<'a> = dyn Fn(File) -> Option<GoProgram> + 'a;

/// A Go program started, directly or not, by a process that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoChild {
    pub pid: u32,
    pub comm: String,
    pub go_version: String,
}

/// Returns the Go programs among the descendants of a process, nearest first.
pub fn go_descendants(proc_fs: &ProcFs, pid: u32, inspect: &Inspect<'_>) -> Vec<GoChild> {
    let own = std::process::id();
    proc_fs
        .descendants(pid)
        .into_iter()
        .filter(|&child| child != own)
        .take(MAX_DESCENDANTS)
        .filter_map(|child| {
            let exe = File::open(proc_fs.path(child, "exe")).ok()?;
            let program = inspect(exe)?;
            Some(GoChild {
                pid: child,
                comm: proc_fs.stat(child).ok()?.comm,
                go_version: program.go_version,
            })
        })
        .collect()
}

impl Target {
    /// Makes the error for a target whose executable is no Go program, its Go descendants named; `found` is
    /// what the executable lacks.
    pub fn not_go(&self, found: String, inspect: &Inspect<'_>) -> DiscoverError {
        DiscoverError::NotGo {
            pid: self.pid,
            comm: self.comm.clone(),
            exe: self.exe.clone(),
            found,
            children: go_descendants(&ProcFs::host(), self.pid, inspect),
        }
    }
}
