//! A process that was identified, and stays identified while it is watched.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::{
        fd::OwnedFd,
        unix::fs::{FileExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    sync::OnceLock,
};

use super::{
    DiscoverError, InstanceLock, ProcFs,
    load_bias::{self, ExeFile, NoBias},
    stat::Stat,
};
use crate::{
    address::{LoadBias, ProcAddr},
    sys,
};

/// What the kernel appends to the name of a file that is gone (`fs/d_path.c`).
const DELETED: &str = " (deleted)";

/// The process and executable that are profiled.
#[derive(Debug)]
pub struct Target {
    pub pid: u32,
    pub comm: String,
    /// As shown to people: the path inside the target's mount namespace, which may not exist here.
    pub exe: PathBuf,
    /// The executable was deleted or replaced since it was started.
    pub exe_deleted: bool,
    /// `/proc/PID/exe`, opened: what runs, whatever became of its path.
    pub exe_file: File,
    pub identity: Identity,
    pub container_id: Option<String>,
    pub uid: u32,
    /// Stopped by a signal: probes go on, but nothing happens.
    pub stopped: bool,
    /// Process that traces it; [`discover`](super::discover) refuses such a target.
    pub tracer: Option<u32>,
    pub threads: u32,
    pub(super) pidfd: OwnedFd,
    pub(super) memory: OnceLock<File>,
    pub(super) instance: OnceLock<InstanceLock>,
}

/// Tells a process from a later one with the same pid, and from itself after an exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Ticks since boot.
    pub start_time: u64,
    /// Bottom of the stack: the only one of these that an exec of the same file changes. `None` without
    /// the right to know.
    pub start_stack: Option<u64>,
    pub exe_device: u64,
    pub exe_inode: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    Same,
    Exited,
    Execed,
}

impl Target {
    /// Identifies a running process. The pidfd is opened first and asked last, so that everything read in
    /// between is of one process.
    pub(super) fn of_pid(proc_fs: &ProcFs, pid: u32) -> Result<Self, DiscoverError> {
        let status = proc_fs.status(pid).map_err(|error| match error {
            DiscoverError::Ended { pid } => missing(proc_fs, pid),
            other => other,
        })?;
        let stat = proc_fs.stat(pid)?;
        if status.process != pid {
            return Err(DiscoverError::Thread {
                pid,
                process: status.process,
                comm: stat.comm,
            });
        }
        refuse_what_is_no_program(pid, &stat)?;
        let pidfd = sys::pidfd_open(pid).map_err(|source| match source.raw_os_error() {
            Some(libc::ESRCH) => DiscoverError::Ended { pid },
            _ => DiscoverError::Pidfd { pid, source },
        })?;
        if let Some(tracer) = status.tracer {
            return Err(DiscoverError::Traced {
                pid,
                comm: stat.comm,
                tracer,
                tracer_comm: proc_fs
                    .stat(tracer)
                    .map_or_else(|_| "?".to_owned(), |stat| stat.comm),
            });
        }
        let target = Self::read(proc_fs, pid, pidfd)?;
        if target.has_exited() {
            return Err(DiscoverError::Ended { pid });
        }
        Ok(target)
    }

    fn read(proc_fs: &ProcFs, pid: u32, pidfd: OwnedFd) -> Result<Self, DiscoverError> {
        let exe_path = proc_fs.path(pid, "exe");
        let io_error = |error| DiscoverError::from_io(pid, &exe_path, error);
        let exe_file = File::open(&exe_path).map_err(io_error)?;
        let metadata = exe_file.metadata().map_err(io_error)?;
        let link = proc_fs.link(pid, "exe")?;
        let (exe, exe_deleted) = shown_path(&link, metadata.nlink());
        let stat = proc_fs.stat(pid)?;
        let status = proc_fs.status(pid)?;
        Ok(Self {
            pid,
            identity: Identity {
                start_time: stat.start_time,
                start_stack: known_address(stat.start_stack),
                exe_device: metadata.dev(),
                exe_inode: metadata.ino(),
            },
            stopped: stat.is_stopped(),
            threads: stat.threads,
            comm: stat.comm,
            exe,
            exe_deleted,
            exe_file,
            // Unreadable is unknown, and nothing depends on it.
            container_id: proc_fs
                .text(pid, "cgroup")
                .ok()
                .and_then(|text| super::container::container_id(&text)),
            uid: status.uid,
            tracer: status.tracer,
            pidfd,
            memory: OnceLock::new(),
            instance: OnceLock::new(),
        })
    }

    /// Becomes readable when the target ends.
    pub fn pidfd(&self) -> &OwnedFd {
        &self.pidfd
    }

    /// Returns whether it is stopped now.
    pub fn is_stopped(&self) -> bool {
        ProcFs::host().is_stopped(self.pid)
    }

    /// Tells whether this is still the process, running the program, that was identified.
    pub fn is_same_process(&self) -> Liveness {
        if self.has_exited() {
            return Liveness::Exited;
        }
        let proc_fs = ProcFs::host();
        let Ok(stat) = proc_fs.stat(self.pid) else {
            return Liveness::Exited;
        };
        if stat.start_time != self.identity.start_time {
            return Liveness::Exited;
        }
        // The first thread may end while others run on; it has no stack and no executable then.
        if stat.is_zombie() {
            return Liveness::Same;
        }
        // A process that is ending has no memory any more, long before it is a zombie: no stack is no exec.
        let now = known_address(stat.start_stack);
        let stack_moved =
            now.is_some_and(|now| self.identity.start_stack.is_some_and(|was| was != now));
        let exe = fs::metadata(proc_fs.path(self.pid, "exe"));
        let exe_changed = exe.is_ok_and(|exe| {
            (exe.dev(), exe.ino()) != (self.identity.exe_device, self.identity.exe_inode)
        });
        if stack_moved || exe_changed {
            Liveness::Execed
        } else {
            Liveness::Same
        }
    }

    pub(super) fn has_exited(&self) -> bool {
        sys::is_readable(&self.pidfd).unwrap_or(true)
    }

    /// Returns what the loader added to the addresses of the executable.
    ///
    /// `segments` are its executable `PT_LOAD`s as (file offset, virtual address, length in the file).
    pub fn load_bias(&self, segments: &[(u64, u64, u64)]) -> Result<LoadBias, DiscoverError> {
        let proc_fs = ProcFs::host();
        let exe = ExeFile {
            link: proc_fs
                .link(self.pid, "exe")?
                .to_string_lossy()
                .into_owned(),
            device: (
                u64::from(libc::major(self.identity.exe_device)),
                u64::from(libc::minor(self.identity.exe_device)),
            ),
            inode: self.identity.exe_inode,
        };
        let mappings = load_bias::text_mappings(&proc_fs.text(self.pid, "maps")?, &exe);
        let start_code = proc_fs.stat(self.pid)?.start_code;
        load_bias::load_bias(&mappings, segments, start_code).map_err(|why| match why {
            _ if self.has_exited() => DiscoverError::Ended { pid: self.pid },
            NoBias::NoFileText => DiscoverError::NoFileText { pid: self.pid },
            NoBias::Contradiction => DiscoverError::Bias { pid: self.pid },
        })
    }

    /// Reads the target's memory; returns the number of bytes, fewer than asked for at the end of a mapping.
    ///
    /// The file holds on to the address space that it was opened on: neither another process with the
    /// same pid nor another program after an exec is ever read. `ESRCH` once that address space is gone.
    pub fn read_memory(&self, addr: ProcAddr, buf: &mut [u8]) -> io::Result<usize> {
        let n = match self.memory.get().map_or_else(|| self.open_memory(), Ok) {
            Ok(memory) => memory.read_at(buf, addr.0)?,
            // The file is its owner's: without CAP_DAC_OVERRIDE others can't open it, whatever they may trace.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                self.read_by_pid(addr, buf)?
            }
            Err(error) => return Err(error),
        };
        match n {
            0 if !buf.is_empty() => Err(io::Error::from_raw_os_error(libc::ESRCH)),
            bytes => Ok(bytes),
        }
    }

    fn read_by_pid(&self, addr: ProcAddr, buf: &mut [u8]) -> io::Result<usize> {
        let len = buf.len();
        let n = sys::process_vm_read(self.pid, buf, &[(addr.0, len)])?;
        match self.is_same_process() {
            Liveness::Same => Ok(n),
            Liveness::Exited | Liveness::Execed => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }

    fn open_memory(&self) -> io::Result<&File> {
        let memory = File::open(ProcFs::host().path(self.pid, "mem"))?;
        match self.is_same_process() {
            Liveness::Same => Ok(self.memory.get_or_init(|| memory)),
            Liveness::Exited | Liveness::Execed => Err(io::Error::from_raw_os_error(libc::ESRCH)),
        }
    }

    /// Returns the CPU time of all threads since the start, ended ones included, in nanoseconds.
    pub fn cpu_time_ns(&self) -> io::Result<u64> {
        let time = sys::process_cpu_time_ns(self.pid)?;
        if self.has_exited() {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(time)
    }
}

/// Returns the better of two errors for a pid that is not there.
fn missing(proc_fs: &ProcFs, pid: u32) -> DiscoverError {
    let here = proc_fs.pids_known_inside_as(pid);
    if here.is_empty() {
        DiscoverError::NoSuchProcess { pid }
    } else {
        DiscoverError::OtherNamespace { pid, here }
    }
}

fn refuse_what_is_no_program(pid: u32, stat: &Stat) -> Result<(), DiscoverError> {
    let comm = stat.comm.clone();
    if pid == std::process::id() {
        Err(DiscoverError::OwnPid { pid })
    } else if stat.is_kernel_thread() {
        Err(DiscoverError::KernelThread { pid, comm })
    } else if stat.is_zombie() {
        Err(DiscoverError::Zombie { pid, comm })
    } else {
        Ok(())
    }
}

/// The kernel shows 0 or 1 to those who may not know (`do_task_stat`, `fs/proc/array.c`).
pub(super) fn known_address(address: u64) -> Option<u64> {
    (address > 1).then_some(address)
}

/// Returns the path without the kernel's mark, and whether the file is gone from there.
pub(super) fn shown_path(link: &Path, n_links: u64) -> (PathBuf, bool) {
    let text = link.to_string_lossy();
    match text.strip_suffix(DELETED) {
        // A file may be called like that.
        Some(path) if n_links == 0 || !link.exists() => (PathBuf::from(path), true),
        _ => (link.to_owned(), n_links == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_of_a_deleted_file_is_not_shown() {
        let gone = Path::new("/srv/api (deleted)");
        assert_eq!(shown_path(gone, 0), (PathBuf::from("/srv/api"), true));
        assert_eq!(
            shown_path(Path::new("/memfd:api (deleted)"), 0),
            (PathBuf::from("/memfd:api"), true)
        );
    }

    #[test]
    fn file_that_is_called_so_keeps_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("api (deleted)");
        fs::write(&path, "").unwrap();
        assert_eq!(shown_path(&path, 1), (path.clone(), false));
    }
}
