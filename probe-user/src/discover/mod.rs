//! A pid or a command to a [`Target`]: which process it is, what it runs, and whether it may be watched.
//!
//! Reads `/proc` only. Does not look into the executable; that is for `analyze`.

mod code_map;
mod container;
mod error;
mod go_program;
mod held;
mod instance;
mod invoking_user;
mod load_bias;
pub mod privilege;
mod proc_fs;
mod stat;
mod status;
mod target;

use std::{fs, os::unix::fs::MetadataExt as _};

pub use self::{
    code_map::CodeMap,
    error::DiscoverError,
    go_program::{GoChild, GoProgram, Inspect, go_descendants},
    held::{Held, program_of},
    instance::{Instance, InstanceLock, advisory_lock, instance_lock},
    invoking_user::{Credentials, name_of},
    proc_fs::ProcFs,
    stat::{Stat, TICKS_PER_SECOND},
    status::Status,
    target::{Identity, Liveness, Target},
};

/// Identifies a running process and makes sure that it may be watched.
pub fn discover(pid: u32) -> Result<Target, DiscoverError> {
    Target::of_pid(&ProcFs::host(), pid)
}

/// Returns device and inode of the pid namespace that rtprobe runs in, `None` if it is the initial one.
///
/// They are what `bpf_get_ns_current_pid_tgid` takes (Linux 5.7).
pub fn own_pid_namespace() -> Option<(u64, u64)> {
    let proc_fs = ProcFs::host();
    let own = privilege::Privileges::own(&proc_fs).ok()?;
    if own.initial_pid_namespace {
        return None;
    }
    let namespace = fs::metadata(proc_fs.path(std::process::id(), "ns/pid")).ok()?;
    Some((namespace.dev(), namespace.ino()))
}

/// Returns the container of a process, as far as its cgroup tells.
pub fn container_of(proc_fs: &ProcFs, pid: u32) -> Option<String> {
    container::container_id(&proc_fs.text(pid, "cgroup").ok()?)
}

#[cfg(test)]
mod tests;
