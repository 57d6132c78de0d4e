//! What the host says about itself, unjudged.

use std::{fs, path::Path};

use crate::{
    discover::{ProcFs, privilege::Privileges},
    kernel::{self, Release, UprobeMulti},
    sys,
};

/// Values as they were read; `None` where there is nothing to read.
#[derive(Clone, Debug)]
pub struct Facts {
    pub release: String,
    pub privileges: Option<Privileges>,
    /// `Err`: the error number of loading a program that does nothing.
    pub uprobe_multi: Result<UprobeMulti, i32>,
    /// The perf event source of uprobes is there.
    pub uprobes: bool,
    /// The chosen word of `/sys/kernel/security/lockdown`.
    pub lockdown: Option<String>,
    /// The list of security modules.
    pub lsm: Option<String>,
    pub jit: Option<String>,
    pub unprivileged_bpf_disabled: Option<String>,
    pub perf_event_paranoid: Option<String>,
    /// Soft limit of locked memory: bytes or `unlimited`.
    pub memlock: Option<String>,
    pub btf: bool,
    pub cgroup_v2: bool,
}

impl Facts {
    /// Reads `/proc` and `/sys`, and makes the trial of [`kernel::uprobe_multi`].
    pub fn gather(proc_fs: &ProcFs) -> Self {
        let sysctl = |name: &str| {
            let text = proc_fs.global(&format!("sys/{name}")).ok()?;
            Some(text.trim().to_owned())
        };
        let sys = |name: &str| -> Option<String> {
            let text = fs::read_to_string(Path::new("/sys").join(name)).ok()?;
            Some(text.trim().to_owned())
        };
        Self {
            release: sys::kernel_release(),
            privileges: Privileges::own(proc_fs).ok(),
            uprobe_multi: kernel::uprobe_multi()
                .map_err(|error| error.raw_os_error().unwrap_or_default()),
            uprobes: sys("bus/event_source/devices/uprobe/type").is_some(),
            lockdown: sys("kernel/security/lockdown").and_then(|text| chosen(&text)),
            lsm: sys("kernel/security/lsm"),
            jit: sysctl("net/core/bpf_jit_enable"),
            unprivileged_bpf_disabled: sysctl("kernel/unprivileged_bpf_disabled"),
            perf_event_paranoid: sysctl("kernel/perf_event_paranoid"),
            memlock: proc_fs
                .text(std::process::id(), "limits")
                .ok()
                .and_then(|limits| soft_memlock(&limits)),
            btf: Path::new("/sys/kernel/btf/vmlinux").exists(),
            cgroup_v2: Path::new("/sys/fs/cgroup/cgroup.controllers").exists(),
        }
    }

    pub(super) fn version(&self) -> Option<Release> {
        Release::parse(&self.release)
    }
}

/// Returns the word in brackets: `none [integrity] confidentiality`.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    let (word, _) = rest.split_once(']')?;
    Some(word.to_owned())
}

fn soft_memlock(limits: &str) -> Option<String> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max locked memory"))?;
    line.split_ascii_whitespace().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_word_is_the_one_in_brackets() {
        assert_eq!(
            chosen("none [integrity] confidentiality").as_deref(),
            Some("integrity")
        );
        assert_eq!(chosen("none"), None);
    }

    #[test]
    fn limit_is_read_from_this_process() {
        let limits = fs::read_to_string("/proc/self/limits").unwrap();
        let soft = soft_memlock(&limits).unwrap();
        assert!(soft == "unlimited" || soft.parse::<u64>().is_ok(), "{soft}");
    }
}
