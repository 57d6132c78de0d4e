//! The threads of a process, as `/proc` has them: how long they waited for a CPU, and which of them is set up in
//! another way than the rest.

use std::{collections::HashMap, fs, io};

use crate::discover::ProcFs;

/// Go ends a program with more than 10 000 threads (src/runtime/proc.go `maxmcount`).
const MAX_THREADS: usize = 1 << 14;
/// Threads that are compared: each takes some 20 reads.
const MAX_COMPARED: usize = 1 << 10;

/// What a thread can have by itself: namespaces, and directories once it has left those of the process
/// (`unshare(2)`, `CLONE_FS`).
const LINKS: [&str; 10] = [
    "ns/cgroup",
    "ns/ipc",
    "ns/mnt",
    "ns/net",
    "ns/pid_for_children",
    "ns/time_for_children",
    "ns/user",
    "ns/uts",
    "cwd",
    "root",
];
/// Lines of `status` that are of the thread: credentials, affinity, what the kernel is told to forbid.
const LINES: [&str; 14] = [
    "Uid:",
    "Gid:",
    "Groups:",
    "CapInh:",
    "CapPrm:",
    "CapEff:",
    "CapBnd:",
    "CapAmb:",
    "NoNewPrivs:",
    "Seccomp:",
    "Seccomp_filters:",
    "Umask:",
    "Cpus_allowed:",
    "Mems_allowed:",
];
/// Threads that are asked whether they wait: each takes some 15 µs.
#[cfg(feature = "kernel")]
const MAX_WAITING: usize = 32;

/// Fields of `stat`, numbered as in `proc_pid_stat(5)`.
const STATE: usize = 3;
#[cfg(feature = "kernel")]
const PROCESSOR: usize = 39;
/// Fields of `stat` that are of the thread, numbered as in `proc_pid_stat(5)`: `nice`, `rt_priority`, `policy`.
const FIELDS: [usize; 3] = [19, 40, 41];

/// Returns for how long the threads of `pid` could have run and did not, in nanoseconds since each began: the
/// second value of `schedstat` (Documentation/scheduler/sched-stats.rst). Threads that have ended are not part of it.
pub(super) fn cpu_wait_ns(proc_fs: &ProcFs, pid: u32) -> io::Result<u64> {
    let mut sum = 0_u64;
    for thread in threads(proc_fs, pid)? {
        // One that has ended since it was listed has nothing to say.
        let text = proc_fs.text(pid, &format!("task/{thread}/schedstat"));
        let waited = text.ok().and_then(|text| {
            let mut values = text.split_ascii_whitespace();
            values.nth(1)?.parse().ok()
        });
        sum = sum.saturating_add(waited.unwrap_or(0));
    }
    Ok(sum)
}

/// Returns whether a thread of `pid` waits for the CPU with this number. Of a process with many threads only the first are
/// looked at.
#[cfg(feature = "kernel")]
pub(super) fn is_waiting_for(proc_fs: &ProcFs, pid: u32, cpu: u32) -> bool {
    let all = threads(proc_fs, pid).unwrap_or_default();
    all.iter().take(MAX_WAITING).any(|thread| {
        let stat = proc_fs.text(pid, &format!("task/{thread}/stat"));
        stat.is_ok_and(|stat| {
            let [state, at] = [STATE, PROCESSOR].map(|number| field(&stat, number));
            state == Some("R") && at.is_some_and(|at| at.parse() == Ok(cpu))
        })
    })
}

/// Returns a field of `stat`. The name in parentheses may itself hold blanks; what follows it begins with field 3.
fn field(stat: &str, number: usize) -> Option<&str> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields
        .split_ascii_whitespace()
        .nth(number.checked_sub(STATE)?)
}

/// The threads that differ from the process's first one.
#[derive(Debug, Default)]
pub(super) struct Threads {
    /// By the number that the thread knows itself by.
    is_own_way: HashMap<u64, bool>,
}

impl Threads {
    pub(super) fn of(proc_fs: &ProcFs, pid: u32) -> io::Result<Self> {
        let all = threads(proc_fs, pid)?;
        let looks: Vec<(u64, Vec<String>)> = all
            .iter()
            .take(MAX_COMPARED)
            .filter_map(|&thread| look(proc_fs, pid, thread))
            .collect();
        let mut usual: HashMap<&[String], usize> = HashMap::new();
        for (_, found) in &looks {
            *usual.entry(found).or_default() += 1;
        }
        // The first thread may be the one that was changed; of two, it is what the process was started as.
        let first = looks.first().map(|(_, found)| found.as_slice());
        let common = usual
            .iter()
            .max_by_key(|&(found, n)| (*n, Some(*found) == first));
        let common = common.map(|(found, _)| *found);
        let is_own_way = looks
            .iter()
            .map(|(thread, found)| (*thread, Some(found.as_slice()) != common))
            .collect();
        Ok(Self { is_own_way })
    }

    /// Tells whether a thread has namespaces, directories, credentials, an affinity or a priority of its own.
    pub(super) fn has_own_state(&self, thread: u64) -> bool {
        self.is_own_way.get(&thread).copied().unwrap_or(false)
    }
}

/// In ascending order: the first is the process's own.
fn threads(proc_fs: &ProcFs, pid: u32) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(proc_fs.path(pid, "task"))?;
    let mut found: Vec<u32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .take(MAX_THREADS)
        .collect();
    found.sort_unstable_by_key(|&thread| (thread != pid, thread));
    Ok(found)
}

/// Returns the number that a thread has in its own namespace, and its state; `None` where it has ended.
fn look(proc_fs: &ProcFs, pid: u32, thread: u32) -> Option<(u64, Vec<String>)> {
    let file = |name: &str| proc_fs.text(pid, &format!("task/{thread}/{name}")).ok();
    let status = file("status")?;
    let mut found: Vec<String> = LINKS
        .iter()
        .map(|name| {
            let link = proc_fs.link(pid, &format!("task/{thread}/{name}"));
            link.map(|to| to.to_string_lossy().into_owned())
                .unwrap_or_default()
        })
        .collect();
    let is_own = |line: &&str| LINES.iter().any(|key| line.starts_with(key));
    found.extend(status.lines().filter(is_own).map(str::to_owned));
    let stat = file("stat").filter(|stat| field(stat, STATE).is_some())?;
    let fields = FIELDS.iter().map(|number| field(&stat, *number));
    found.extend(fields.flatten().map(str::to_owned));
    let inner = status
        .lines()
        .find_map(|line| line.strip_prefix("NSpid:")?.split_ascii_whitespace().last());
    let number = inner.and_then(|text| text.parse().ok());
    Some((number.unwrap_or(thread.into()), found))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    /// Lays out the threads of process 7, each with a directory, an affinity and a priority.
    fn laid_out(threads: &[(u32, &str, &str, &str)]) -> (TempDir, ProcFs) {
        let root = TempDir::new().unwrap();
        for (thread, cwd, cpus, policy) in threads {
            let task = root.path().join(format!("7/task/{thread}"));
            fs::create_dir_all(&task).unwrap();
            symlink(cwd, task.join("cwd")).unwrap();
            let status = format!(
                "Name:\tx\nUid:\t0\t0\nNSpid:\t{thread}\t{}\nCpus_allowed:\t{cpus}\nVmRSS:\t{thread} kB\n",
                thread - 6
            );
            fs::write(task.join("status"), status).unwrap();
            let zeros = vec!["0"; 37].join(" ");
            fs::write(
                task.join("stat"),
                format!("{thread} (a) b) S {zeros} {policy} 0 0"),
            )
            .unwrap();
            fs::write(task.join("schedstat"), format!("900 {thread} 5\n")).unwrap();
        }
        let proc_fs = ProcFs::at(root.path());
        (root, proc_fs)
    }

    #[test]
    fn what_differs_from_most_threads_is_a_threads_own() {
        let (_root, proc_fs) = laid_out(&[
            (7, "/srv", "3", "0"),
            (8, "/srv", "3", "0"),
            (9, "/proc/7", "3", "0"),
            (10, "/srv", "1", "0"),
            (11, "/srv", "3", "1"),
        ]);
        let threads = Threads::of(&proc_fs, 7).unwrap();
        let own: Vec<bool> = (1..=6).map(|inner| threads.has_own_state(inner)).collect();
        assert_eq!(own, [false, false, true, true, true, false]);
    }

    #[test]
    fn of_two_threads_the_first_is_as_the_process_was_started() {
        let (_root, proc_fs) = laid_out(&[(7, "/srv", "3", "0"), (8, "/", "3", "0")]);
        let threads = Threads::of(&proc_fs, 7).unwrap();
        assert!(!threads.has_own_state(1) && threads.has_own_state(2));
    }

    #[test]
    fn a_thread_that_could_run_waits_for_its_cpu() {
        let (root, proc_fs) = laid_out(&[(7, "/", "1", "0")]);
        let stat = |state, cpu| {
            let zeros = vec!["0"; 35].join(" ");
            let line = format!("7 (a) b) {state} {zeros} {cpu} 0 0");
            fs::write(root.path().join("7/task/7/stat"), line).unwrap();
        };
        stat("R", 3);
        assert!(is_waiting_for(&proc_fs, 7, 3) && !is_waiting_for(&proc_fs, 7, 2));
        stat("S", 3);
        assert!(!is_waiting_for(&proc_fs, 7, 3));
    }

    #[test]
    fn waits_for_a_cpu_are_added_up() {
        let (_root, proc_fs) = laid_out(&[(7, "/", "1", "0"), (9, "/", "1", "0")]);
        assert_eq!(cpu_wait_ns(&proc_fs, 7).unwrap(), 16);
        assert!(cpu_wait_ns(&proc_fs, 8).is_err());
    }
}
