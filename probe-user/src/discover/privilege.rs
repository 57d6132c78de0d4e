//! What rtprobe itself may do: effective capabilities and the namespaces that it runs in.

use std::fmt;

use super::{DiscoverError, ProcFs};

/// Inode numbers of the initial namespaces (include/uapi/linux/nsfs.h, `proc_ns.h` before 6.18).
const INITIAL_USER_NAMESPACE: &str = "user:[4026531837]";
const INITIAL_PID_NAMESPACE: &str = "pid:[4026531836]";

/// A capability that recording needs, by its number (include/uapi/linux/capability.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Capability {
    SysPtrace = 19,
    SysAdmin = 21,
    Perfmon = 38,
    Bpf = 39,
}

impl Capability {
    /// Loads the programs, attaches them, reads the target's executable and memory.
    pub const RECORDING: [Self; 3] = [Self::Bpf, Self::Perfmon, Self::SysPtrace];

    fn bit(self) -> u64 {
        1 << self as u32
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privileges {
    effective: u64,
    /// Capabilities inside another user namespace mean nothing to bpf(2).
    pub initial_user_namespace: bool,
    /// The kernel programs see the pids of the initial namespace only.
    pub initial_pid_namespace: bool,
}

impl Privileges {
    /// Those of a process in the initial namespaces.
    #[cfg(test)]
    pub(crate) fn with(capabilities: &[Capability]) -> Self {
        Self {
            effective: capabilities.iter().map(|capability| capability.bit()).sum(),
            initial_user_namespace: true,
            initial_pid_namespace: true,
        }
    }

    /// Reads those of this process.
    pub fn own(proc_fs: &ProcFs) -> Result<Self, DiscoverError> {
        let pid = std::process::id();
        let in_namespace = |name: &str, initial: &str| {
            proc_fs
                .link(pid, name)
                .is_ok_and(|link| link.as_os_str() == initial)
        };
        Ok(Self {
            effective: proc_fs.status(pid)?.cap_eff,
            initial_user_namespace: in_namespace("ns/user", INITIAL_USER_NAMESPACE),
            initial_pid_namespace: in_namespace("ns/pid", INITIAL_PID_NAMESPACE),
        })
    }

    /// Whether the capability is there, or `CAP_SYS_ADMIN`, which contains two of them (capabilities(7)).
    pub fn has(&self, capability: Capability) -> bool {
        let covered = matches!(capability, Capability::Bpf | Capability::Perfmon)
            && self.effective & Capability::SysAdmin.bit() != 0;
        covered || self.effective & capability.bit() != 0
    }

    pub fn missing(&self, needed: &[Capability]) -> Vec<Capability> {
        needed
            .iter()
            .copied()
            .filter(|&capability| !self.has(capability))
            .collect()
    }

    /// Fails with what is missing for recording.
    pub fn require_recording(&self) -> Result<(), DiscoverError> {
        let missing = self.missing(&Capability::RECORDING);
        if missing.is_empty() && self.initial_user_namespace {
            return Ok(());
        }
        Err(DiscoverError::Privilege {
            missing,
            have: Capability::RECORDING
                .into_iter()
                .filter(|&capability| self.has(capability))
                .collect(),
            initial_user_namespace: self.initial_user_namespace,
        })
    }
}

/// Names a list for people: `CAP_BPF, CAP_PERFMON`, or `none`.
pub fn names(capabilities: &[Capability]) -> String {
    if capabilities.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<String> = capabilities.iter().map(Capability::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(effective: u64) -> Privileges {
        Privileges {
            effective,
            initial_user_namespace: true,
            initial_pid_namespace: true,
        }
    }

    #[test]
    fn without_any_all_three_are_missing() {
        assert_eq!(
            with(0).missing(&Capability::RECORDING),
            Capability::RECORDING
        );
        assert_eq!(
            names(&Capability::RECORDING),
            "CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE"
        );
        assert_eq!(names(&[]), "none");
    }

    #[test]
    fn admin_covers_two_of_three() {
        assert_eq!(
            with(1 << 21).missing(&Capability::RECORDING),
            [Capability::SysPtrace]
        );
    }

    #[test]
    fn exactly_the_three_suffice() {
        assert!(
            with(1 << 39 | 1 << 38 | 1 << 19)
                .require_recording()
                .is_ok()
        );
        assert!(with(1 << 38 | 1 << 19).require_recording().is_err());
    }

    #[test]
    fn capabilities_of_another_user_namespace_do_not_count() {
        let contained = Privileges {
            initial_user_namespace: false,
            ..with(u64::MAX)
        };
        let error = contained.require_recording().unwrap_err();
        assert!(matches!(
            error,
            DiscoverError::Privilege {
                initial_user_namespace: false,
                ..
            }
        ));
    }

    #[test]
    fn own_privileges_are_read() {
        let own = Privileges::own(&ProcFs::host()).unwrap();
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(text.contains(&format!("CapEff:\t{:016x}", own.effective)));
    }
}
