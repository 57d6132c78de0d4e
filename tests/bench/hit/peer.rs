//! bpftrace doing the same job: a histogram of the time between a function's entry and its returns.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::sites::{Sites, armed};

/// Attaching is slow, one perf event per site.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running bpftrace; ended by SIGINT, as its users do, when it goes.
#[derive(Debug)]
pub(super) struct Bpftrace(Child);

/// The version, or `None` where there is no bpftrace.
pub(super) fn version() -> Option<String> {
    let output = Command::new("bpftrace").arg("--version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl Bpftrace {
    /// Attaches to `entry` and to each of `returns`, symbols of `path`, and waits until the sites are armed.
    pub(super) fn start(
        program: &Path,
        entry: &str,
        returns: &[String],
        sites: &Sites,
    ) -> Result<Self> {
        let path = program.display();
        let exits: Vec<String> = returns
            .iter()
            .map(|name| format!("uprobe:{path}:{name}"))
            .collect();
        let script = format!(
            "uprobe:{path}:\"{entry}\" {{ @start[tid] = nsecs; }} \
             {} /@start[tid]/ {{ @took = hist(nsecs - @start[tid]); delete(@start[tid]); }}",
            exits.join(", ")
        );
        let said = program.with_extension("bpftrace");
        let child = Command::new("bpftrace")
            .args(["-e", &script])
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()
            .context("failed to start bpftrace")?;
        let peer = Self(child);
        let give_up = Instant::now() + PATIENCE;
        while !armed(sites)? {
            if Instant::now() > give_up {
                bail!("bpftrace did not attach: {}", fs::read_to_string(&said)?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(peer)
    }

    /// Detaches, and checks that it ended well.
    pub(super) fn end(mut self) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        // It forgets a signal that comes just before it waits for events.
        let status = loop {
            if let Some(status) = self.0.try_wait()? {
                break status;
            }
            // SAFETY: has no preconditions; the child has not been waited for, so that the pid is its own.
            let failed = unsafe { libc::kill(self.0.id() as libc::pid_t, libc::SIGINT) };
            ensure!(failed == 0, "failed to end bpftrace");
            ensure!(Instant::now() < give_up, "bpftrace does not end");
            std::thread::sleep(Duration::from_millis(500));
        };
        ensure!(status.success(), "bpftrace ended with {status}");
        Ok(())
    }
}

impl Drop for Bpftrace {
    fn drop(&mut self) {
        // Both fail only for a child that has gone already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
