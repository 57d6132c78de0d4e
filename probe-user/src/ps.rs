//! The Go programs that run on this host, as a table or JSON.

use std::{
    collections::HashMap,
    fs::File,
    io,
    os::unix::fs::MetadataExt as _,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    discover::{self, DiscoverError, GoProgram, Inspect, ProcFs, TICKS_PER_SECOND},
    report::Binary,
};

/// Looking into executables ends then; what is left is counted.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of `rtprobe ps`, in JSON `rtprobe.ps/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listing {
    pub schema: &'static str,
    /// Ordered by pid.
    pub processes: Vec<GoProcess>,
    pub skipped: Skipped,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GoProcess {
    pub pid: u32,
    pub comm: String,
    pub go_version: String,
    pub module: Option<String>,
    pub binary: Binary,
    pub container_id: Option<String>,
    pub uid: u32,
    /// Name of the user on this host, where it has one.
    pub user: Option<String>,
    pub uptime_s: u64,
}

/// Processes that nothing is known of, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// They belong to others, or are protected even from root.
    pub not_allowed: u32,
    /// Reading failed otherwise.
    pub failed: u32,
    /// How the first of these failed.
    pub failure: Option<String>,
    /// They ended while they were looked at.
    pub ended: u32,
    /// There was no time left.
    pub out_of_time: u32,
}

/// Lists all Go programs in `proc_fs`. `passwd` is the text of passwd(5).
pub fn list(proc_fs: &ProcFs, passwd: &str, inspect: &Inspect<'_>) -> io::Result<Listing> {
    list_within(PATIENCE, proc_fs, passwd, inspect)
}

fn list_within(
    patience: Duration,
    proc_fs: &ProcFs,
    passwd: &str,
    inspect: &Inspect<'_>,
) -> io::Result<Listing> {
    let deadline = Instant::now() + patience;
    let boot_s = uptime_s(proc_fs)?;
    let mut programs = Programs {
        inspect,
        known: HashMap::new(),
    };
    let mut processes = Vec::new();
    let mut skipped = Skipped::default();
    for pid in proc_fs.pids()? {
        if Instant::now() >= deadline {
            skipped.out_of_time += 1;
            continue;
        }
        match look_at(proc_fs, pid, &mut programs) {
            Ok(Some(found)) => processes.push(found.named(passwd, boot_s)),
            Ok(None) => {}
            Err(DiscoverError::Ended { .. }) => skipped.ended += 1,
            Err(DiscoverError::Denied { .. }) => skipped.not_allowed += 1,
            Err(error) => {
                skipped.failed += 1;
                skipped.failure.get_or_insert_with(|| error_chain(&error));
            }
        }
    }
    Ok(Listing {
        schema: "rtprobe.ps/v1",
        processes,
        skipped,
    })
}

/// Executables that were looked into, by device and inode: many processes run the same one.
struct Programs<'a> {
    inspect: &'a Inspect<'a>,
    known: HashMap<(u64, u64), Option<GoProgram>>,
}

impl Programs<'_> {
    fn of(&mut self, exe: File) -> io::Result<Option<GoProgram>> {
        let metadata = exe.metadata()?;
        let inspect = self.inspect;
        let program = self
            .known
            .entry((metadata.dev(), metadata.ino()))
            .or_insert_with(|| inspect(exe));
        Ok(program.clone())
    }
}

struct Found {
    pid: u32,
    comm: String,
    program: GoProgram,
    container_id: Option<String>,
    uid: u32,
    start_s: u64,
}

impl Found {
    fn named(self, passwd: &str, boot_s: u64) -> GoProcess {
        GoProcess {
            pid: self.pid,
            comm: self.comm,
            go_version: self.program.go_version,
            module: self.program.module,
            binary: self.program.binary,
            container_id: self.container_id,
            uid: self.uid,
            user: discover::name_of(passwd, self.uid).map(str::to_owned),
            uptime_s: boot_s.saturating_sub(self.start_s),
        }
    }
}

fn look_at(
    proc_fs: &ProcFs,
    pid: u32,
    programs: &mut Programs<'_>,
) -> Result<Option<Found>, DiscoverError> {
    let stat = proc_fs.stat(pid)?;
    if stat.is_kernel_thread() || stat.is_zombie() {
        return Ok(None);
    }
    let path = proc_fs.path(pid, "exe");
    let program = File::open(&path)
        .and_then(|exe| programs.of(exe))
        .map_err(|error| DiscoverError::from_io(pid, &path, error))?;
    let Some(program) = program else {
        return Ok(None);
    };
    Ok(Some(Found {
        pid,
        comm: stat.comm,
        program,
        container_id: discover::container_of(proc_fs, pid),
        uid: proc_fs.status(pid)?.uid,
        start_s: stat.start_time / TICKS_PER_SECOND,
    }))
}

/// Returns the seconds since boot.
fn uptime_s(proc_fs: &ProcFs) -> io::Result<u64> {
    let text = proc_fs.global("uptime")?;
    text.split('.')
        .next()
        .and_then(|seconds| seconds.trim().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "`uptime` has an unknown form"))
}

fn error_chain(error: &DiscoverError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

impl Skipped {
    /// Says in words what is not in the list, a line for each reason.
    pub fn notes(&self) -> Vec<String> {
        let failure = self.failure.as_deref().unwrap_or("unknown");
        let reasons = [
            (self.not_allowed, "this user may not read them".to_owned()),
            (self.failed, format!("reading failed ({failure})")),
            (self.ended, "they ended meanwhile".to_owned()),
            (
                self.out_of_time,
                format!("{} s were over before their turn", PATIENCE.as_secs()),
            ),
        ];
        reasons
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("not looked at: {count} of the processes, {reason}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go_if_sleep(exe: &File) -> Option<GoProgram> {
        let sleep = std::fs::metadata("/bin/sleep").unwrap();
        (exe.metadata().unwrap().ino() == sleep.ino()).then(|| GoProgram {
            go_version: "go1.27.3".to_owned(),
            module: Some("example.com/sleep".to_owned()),
            binary: Binary {
                stripped: true,
                dwarf: false,
                pie: true,
                cgo: false,
                trimpath: false,
            },
            text_segments: vec![],
        })
    }

    #[test]
    fn matching_processes_are_listed_and_each_executable_is_looked_into_once() {
        let mut children: Vec<_> = (0..3)
            .map(|_| {
                std::process::Command::new("sleep")
                    .arg("60")
                    .spawn()
                    .unwrap()
            })
            .collect();
        // Spawned processes run the test binary until they have executed the program.
        std::thread::sleep(Duration::from_millis(100));
        let looks = std::cell::Cell::new(0);
        let inspect = |exe: File| {
            let found = go_if_sleep(&exe);
            looks.set(looks.get() + usize::from(found.is_some()));
            found
        };
        let passwd = "root:x:0:0:root:/root:/bin/sh\n";
        let listing = list(&ProcFs::host(), passwd, &inspect).unwrap();
        assert_eq!(looks.get(), 1);
        for child in &mut children {
            let found = listing
                .processes
                .iter()
                .find(|found| found.pid == child.id());
            let found = found.expect("it is listed");
            assert_eq!(
                (found.comm.as_str(), found.go_version.as_str()),
                ("sleep", "go1.27.3")
            );
            assert!(found.uptime_s < 60);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert!(listing.processes.is_sorted_by_key(|process| process.pid));
    }

    #[test]
    fn what_there_is_no_time_for_is_counted() {
        let proc_fs = ProcFs::host();
        let listing = list_within(Duration::ZERO, &proc_fs, "", &|_| None).unwrap();
        assert!(listing.processes.is_empty());
        assert!(listing.skipped.out_of_time > 0);
        let notes = listing.skipped.notes();
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("5 s were over"), "{notes:?}");
    }
}
