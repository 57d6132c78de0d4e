//! The facts of a host, judged.

use super::{Check, Facts};
use crate::{
    discover::privilege::{self, Capability},
    failure::Exit,
    kernel::{Release, UprobeMulti},
};

/// What rtprobe's maps take at most, should they count as locked memory.
const LOCKED_BYTES: u64 = 64 << 20;
const IMPOSSIBLE: Exit = Exit::NoPrivilege;

/// Judges the facts in the order in which a person would mend them.
pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    vec![
        kernel(facts),
        capabilities(facts),
        user_namespace(facts),
        pid_namespace(facts),
        load(facts),
        uprobes(facts),
        uprobe_multi(facts),
        lockdown(facts),
        jit(facts),
        memlock(facts),
        irrelevant(
            "unprivileged bpf",
            "unprivileged_bpf_disabled",
            facts.unprivileged_bpf_disabled.as_deref(),
            "means nothing with CAP_BPF",
        ),
        irrelevant(
            "perf paranoia",
            "perf_event_paranoid",
            facts.perf_event_paranoid.as_deref(),
            "means nothing with CAP_PERFMON",
        ),
        Check::ok(
            "BTF",
            if facts.btf {
                "there, not needed"
            } else {
                "absent, not needed"
            },
        ),
        Check::ok(
            "cgroups",
            if facts.cgroup_v2 {
                "version 2; containers are told from either"
            } else {
                "version 1; containers are told from either"
            },
        ),
    ]
}

fn kernel(facts: &Facts) -> Check {
    let found = format!("Linux {}, {}", facts.release, std::env::consts::ARCH);
    match facts.version() {
        Some(version) if version < Release::OLDEST => Check::missing(
            IMPOSSIBLE,
            "kernel",
            found,
            "sites cannot be told apart before Linux 5.15",
        )
        .fix("a kernel from 5.15 on; 6.6 or later attaches all sites at once"),
        Some(_) => Check::ok("kernel", found),
        None => Check::less("kernel", found, "the version is not known"),
    }
}

fn capabilities(facts: &Facts) -> Check {
    const NAME: &str = "capabilities";
    let Some(privileges) = facts.privileges else {
        return Check::less(NAME, "unknown", "/proc/self/status cannot be read");
    };
    let missing = privileges.missing(&Capability::RECORDING);
    if missing.is_empty() {
        return Check::ok(NAME, privilege::names(&Capability::RECORDING));
    }
    let have: Vec<Capability> = Capability::RECORDING
        .into_iter()
        .filter(|capability| !missing.contains(capability))
        .collect();
    Check::missing(
        IMPOSSIBLE,
        NAME,
        format!("have {}", privilege::names(&have)),
        &format!("missing {}", privilege::names(&missing)),
    )
    .fix("run as root (sudo), or give the container these capabilities")
}

fn user_namespace(facts: &Facts) -> Check {
    match facts.privileges {
        Some(privileges) if !privileges.initial_user_namespace => Check::missing(
            IMPOSSIBLE,
            "user namespace",
            "not the initial one",
            "capabilities of another user namespace do not count for bpf(2)",
        )
        .fix("run rtprobe on the host, or in a container without user namespaces"),
        _ => Check::ok("user namespace", "the initial one"),
    }
}

fn pid_namespace(facts: &Facts) -> Check {
    match facts.privileges {
        Some(privileges) if !privileges.initial_pid_namespace => Check::less(
            "pid namespace",
            "not the initial one",
            "only processes of this very namespace can be watched",
        )
        .fix("share the host's: docker run --pid=host, or hostPID: true"),
        _ => Check::ok("pid namespace", "the initial one"),
    }
}

fn load(facts: &Facts) -> Check {
    const NAME: &str = "bpf(2)";
    let has_rights = facts
        .privileges
        .is_none_or(|privileges| privileges.require_recording().is_ok());
    match facts.uprobe_multi {
        Ok(_) => Check::ok(NAME, "loads programs"),
        // The line above says so already, and says what to do.
        Err(libc::EPERM) if !has_rights => Check::less(NAME, "not tried", "needs the capabilities"),
        Err(error @ (libc::EPERM | libc::EACCES)) => {
            let modules = facts.lsm.as_deref().unwrap_or("unknown");
            Check::missing(
                IMPOSSIBLE,
                NAME,
                format!("{}; security modules: {modules}", name_of(error)),
                "a security module or a seccomp filter refuses programs in spite of the capabilities",
            )
            .fix("allow bpf(2) in the container's seccomp profile and in the security module")
        }
        Err(libc::ENOSYS) => Check::missing(
            IMPOSSIBLE,
            NAME,
            "ENOSYS",
            "this kernel was built without BPF, or a sandbox hides it",
        )
        .fix("a kernel with CONFIG_BPF_SYSCALL, outside the sandbox"),
        Err(error) => Check::missing(
            IMPOSSIBLE,
            NAME,
            name_of(error),
            "the kernel refuses even a program that does nothing",
        ),
    }
}

fn uprobes(facts: &Facts) -> Check {
    if facts.uprobes || links_many(facts) {
        Check::ok("uprobes", "there")
    } else {
        Check::missing(
            IMPOSSIBLE,
            "uprobes",
            "no /sys/bus/event_source/devices/uprobe",
            "this kernel cannot probe programs, or /sys is not mounted",
        )
        .fix("a kernel with CONFIG_UPROBE_EVENTS, and /sys")
    }
}

fn uprobe_multi(facts: &Facts) -> Check {
    const NAME: &str = "uprobe.multi";
    match facts.uprobe_multi {
        Ok(UprobeMulti::Process) => Check::ok(NAME, "there, limited to a process"),
        Ok(UprobeMulti::Thread) => Check::ok(
            NAME,
            "there, limited to a thread; the programs tell the process themselves",
        ),
        Ok(UprobeMulti::Absent) => Check::less(
            NAME,
            "absent",
            "sites are attached one by one: fewer of them, and taking them off lasts up to 0.1 s each",
        )
        .fix("Linux 6.6 or later"),
        Err(_) => Check::less(NAME, "not tried", "needs a loaded program"),
    }
}

fn lockdown(facts: &Facts) -> Check {
    const NAME: &str = "lockdown";
    match facts.lockdown.as_deref() {
        None => Check::ok(NAME, "none"),
        Some("confidentiality") if !links_many(facts) => Check::missing(
            IMPOSSIBLE,
            NAME,
            "confidentiality",
            "it forbids perf events, the only way to attach before Linux 6.6",
        )
        .fix("Linux 6.6 or later, or lockdown=integrity"),
        Some(level) => Check::ok(NAME, format!("{level}; rtprobe reads no kernel memory")),
    }
}

fn links_many(facts: &Facts) -> bool {
    matches!(
        facts.uprobe_multi,
        Ok(UprobeMulti::Process | UprobeMulti::Thread)
    )
}

fn jit(facts: &Facts) -> Check {
    match facts.jit.as_deref() {
        Some("0") => Check::less(
            "BPF compiler",
            "off",
            "programs are interpreted: each hit costs the target several times as much",
        )
        .fix("sysctl -w net.core.bpf_jit_enable=1"),
        Some(_) => Check::ok("BPF compiler", "on"),
        None => Check::ok("BPF compiler", "always on"),
    }
}

fn memlock(facts: &Facts) -> Check {
    const NAME: &str = "locked memory";
    let counts = facts
        .version()
        .is_some_and(|version| version < Release::NO_MEMLOCK);
    let limit = facts.memlock.as_deref().unwrap_or("unknown");
    match limit.parse::<u64>() {
        Ok(bytes) if counts && bytes < LOCKED_BYTES => Check::less(
            NAME,
            format!("limit {bytes} bytes"),
            "maps may not fit into it",
        )
        .fix("ulimit -l unlimited"),
        _ if counts => Check::ok(NAME, format!("limit {limit}")),
        _ => Check::ok(NAME, "does not count since Linux 5.11"),
    }
}

fn irrelevant(name: &'static str, file: &str, value: Option<&str>, why: &str) -> Check {
    match value {
        Some(value) => Check::ok(name, format!("{file} = {value}; {why}")),
        None => Check::ok(name, format!("no {file}; {why}")),
    }
}

/// Names an error number as the manual pages do, where that tells more than its text.
fn name_of(errno: i32) -> String {
    match errno {
        libc::EPERM => "EPERM".to_owned(),
        libc::EACCES => "EACCES".to_owned(),
        _ => std::io::Error::from_raw_os_error(errno).to_string(),
    }
}
