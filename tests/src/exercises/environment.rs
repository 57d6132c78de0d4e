//! A cgroup with a CPU quota, for the time of one program.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{self, Command},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};

const PERIOD_US: f64 = 100_000.0;
const V1: &str = "/sys/fs/cgroup/cpu";
const V2: &str = "/sys/fs/cgroup";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Removed on drop, when its processes have ended.
#[derive(Debug)]
pub(super) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// Makes a group with a quota of `cpus`, in the hierarchy that this host has.
    pub(super) fn new(cpus: f64) -> Result<Self> {
        let second = Path::new(V2).join("cgroup.controllers").exists();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let parent = if second { V2 } else { V1 };
        let group = Path::new(parent).join(format!("rtprobe-exercise-{}-{number}", process::id()));
        fs::create_dir(&group).with_context(|| format!("failed to make {}", group.display()))?;
        let quota = Self { group };
        let micros = cpus * PERIOD_US;
        if second {
            quota.write("cpu.max", &format!("{micros:.0} {PERIOD_US:.0}"))?;
        } else {
            quota.write("cpu.cfs_period_us", &format!("{PERIOD_US:.0}"))?;
            quota.write("cpu.cfs_quota_us", &format!("{micros:.0}"))?;
        }
        Ok(quota)
    }

    /// The command that starts `binary` inside: a shell joins the group and becomes the program.
    pub(super) fn command(&self, binary: &Path) -> Command {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", r#"echo $$ > "$1" && shift && exec "$@""#, "sh"])
            .arg(self.group.join("cgroup.procs"))
            .arg(binary)
            .arg0("sh");
        shell
    }

    fn write(&self, file: &str, value: &str) -> Result<()> {
        let path = self.group.join(file);
        fs::write(&path, value)
            .with_context(|| format!("failed to write {value} to {}", path.display()))
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // Fails while a process is left in it, which is then the greater trouble.
        let gone = fs::remove_dir(&self.group);
        drop(gone);
    }
}
