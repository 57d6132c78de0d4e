//! Two rtprobes on one target are safe, but their costs add up: each one says that it is there.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::Target;

const DIRECTORY: &str = "/run/rtprobe";
/// A file that is removed between opening and locking is tried again.
const ATTEMPTS: usize = 8;

/// Whether another rtprobe watches the same process.
#[derive(Debug)]
pub enum Instance {
    /// This is the only one; others see it until the lock is dropped.
    Only(InstanceLock),
    /// Pid of the other, where it could be read.
    Other(Option<u32>),
    /// It cannot be told, for example for want of rights in `/run`.
    Unknown(io::Error),
}

/// Ends with the process that holds it; the file is removed on drop.
#[derive(Debug)]
pub struct InstanceLock {
    path: PathBuf,
    file: File,
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // Still locked here, so that nobody else can have taken the file over.
        if let (Ok(on_disk), Ok(held)) = (fs::symlink_metadata(&self.path), self.file.metadata())
            && (on_disk.dev(), on_disk.ino()) == (held.dev(), held.ino())
        {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Takes the advisory lock of a target, `/run/rtprobe/PID-STARTTIME.lock`.
pub fn instance_lock(target: &Target) -> Instance {
    let name = format!("{}-{}.lock", target.pid, target.identity.start_time);
    lock_in(Path::new(DIRECTORY), &name).unwrap_or_else(Instance::Unknown)
}

/// Takes the advisory lock of a target for as long as `target` lives, and returns the pid of another
/// rtprobe that has it.
pub fn advisory_lock(target: &Target) -> Option<u32> {
    match instance_lock(target) {
        Instance::Only(lock) => {
            drop(target.instance.set(lock));
            None
        }
        Instance::Other(pid) => pid,
        Instance::Unknown(_) => None,
    }
}

fn lock_in(directory: &Path, name: &str) -> io::Result<Instance> {
    match fs::DirBuilder::new().mode(0o755).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let path = directory.join(name);
    for _ in 0..ATTEMPTS {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Instance::Other(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let held = file.metadata()?;
        let is_current = fs::symlink_metadata(&path)
            .is_ok_and(|on_disk| (on_disk.dev(), on_disk.ino()) == (held.dev(), held.ino()));
        if is_current {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())?;
            return Ok(Instance::Only(InstanceLock { path, file }));
        }
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy))
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_one_learns_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("rtprobe");
        let first = lock_in(&run, "7-99.lock").unwrap();
        assert!(matches!(first, Instance::Only(_)));
        let second = lock_in(&run, "7-99.lock").unwrap();
        assert!(matches!(second, Instance::Other(Some(pid)) if pid == std::process::id()));
        assert!(matches!(
            lock_in(&run, "8-99.lock").unwrap(),
            Instance::Only(_)
        ));
    }

    #[test]
    fn nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("rtprobe");
        drop(lock_in(&run, "7-99.lock").unwrap());
        assert_eq!(fs::read_dir(&run).unwrap().count(), 0);
        assert!(matches!(
            lock_in(&run, "7-99.lock").unwrap(),
            Instance::Only(_)
        ));
    }

    #[test]
    fn file_of_a_killed_one_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("7-99.lock"), "4194303\n").unwrap();
        let lock = lock_in(dir.path(), "7-99.lock").unwrap();
        assert!(matches!(lock, Instance::Only(_)));
        let text = fs::read_to_string(dir.path().join("7-99.lock")).unwrap();
        assert_eq!(text.trim(), std::process::id().to_string());
    }

    #[test]
    fn link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let sentinel = dir.path().join("sentinel");
        fs::write(&sentinel, "keep").unwrap();
        std::os::unix::fs::symlink(&sentinel, dir.path().join("7-99.lock")).unwrap();
        assert!(lock_in(dir.path(), "7-99.lock").is_err());
        assert_eq!(fs::read_to_string(&sentinel).unwrap(), "keep");
    }
}
