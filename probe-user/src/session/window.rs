//! Watches until the window ends: drains every second, and knows why it ended.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    signal::unix::{Signal, SignalKind, signal},
    time::{MissedTickBehavior, interval_at},
};

use crate::report::EndedBy;

/// How often what was counted is taken over, and the target is looked at: exec is not announced, so it has to be noticed.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is decided what is on, at most: each time costs as much as it takes to wake up. At first, and where
/// something happens that nobody expects, sooner.
const BEAT: Duration = Duration::from_millis(100);
const OFTEN: Duration = Duration::from_millis(40);
const AT_FIRST: Duration = Duration::from_secs(2);
/// How often it is decided at least.
const SELDOM: Duration = Duration::from_millis(500);

/// What ends a window, besides the target's own end.
#[derive(Debug)]
pub struct Ends {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Ends {
    /// Starts listening, inside tokio's runtime: from here on a signal ends the window and not the process. One that
    /// comes before anybody waits for it is remembered.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn signalled(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}

/// What the window asks of the session meanwhile.
pub(super) trait Watched {
    /// Returns whether the process still executes what was planned for.
    fn executes_the_same(&self) -> bool;
    /// Takes over what the kernel counted.
    fn drain(&mut self, elapsed: Duration);
    /// Decides what is on, and returns after how long that has to be done again, unless something is told before;
    /// `None`: nothing can be done about the probes any more.
    fn govern(&mut self) -> Option<Duration>;
    /// Shows figures.
    fn show(&mut self, elapsed: Duration);
}

/// Waits until `duration` is over (`None`: without limit), a signal comes, or the target ends. `exited` becomes
/// readable when it does, `told` when there is something to decide about that nobody expects.
pub(super) async fn watch(
    watched: &mut impl Watched,
    ends: &mut Ends,
    exited: OwnedFd,
    told: Option<OwnedFd>,
    started: Instant,
    duration: Option<Duration>,
) -> io::Result<EndedBy> {
    let exited = readable(exited)?;
    let told = told.map(readable).transpose()?;
    let mut look = interval_at(tokio::time::Instant::now() + LOOK, LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut governed_at = tokio::time::Instant::now();
    let mut govern_at = governed_at;
    let mut is_told = false;
    loop {
        let left = duration.map(|duration| duration.saturating_sub(started.elapsed()));
        tokio::select! {
            biased;
            () = ends.signalled() => return Ok(EndedBy::Signal),
            ready = exited.readable() => {
                drop(ready?);
                return Ok(EndedBy::TargetExit);
            }
            () = sleep_or_forever(left) => return Ok(EndedBy::Duration),
            _ = look.tick() => {
                if !watched.executes_the_same() {
                    return Ok(EndedBy::TargetExec);
                }
                watched.drain(started.elapsed());
                watched.show(started.elapsed());
            }
            ready = readable_or_never(told.as_ref()), if !is_told => {
                ready?;
                // Once is enough, and a socket that is closed stays readable.
                is_told = true;
                govern_at = govern_at.min(governed_at + OFTEN);
            }
            () = tokio::time::sleep_until(govern_at) => {
                let Some(due) = watched.govern() else {
                    return Ok(EndedBy::ProbesLost);
                };
                is_told = false;
                governed_at = tokio::time::Instant::now();
                let beat = if started.elapsed() < AT_FIRST { OFTEN } else { BEAT };
                govern_at = governed_at + due.clamp(beat, SELDOM);
            }
        }
    }
}

fn readable(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned by what is passed, and stays the same one until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// Waits until there is something new to read.
async fn readable_or_never(fd: Option<&AsyncFd<OwnedFd>>) -> io::Result<()> {
    match fd {
        Some(fd) => {
            fd.readable().await?.clear_ready();
            Ok(())
        }
        None => std::future::pending().await,
    }
}

async fn sleep_or_forever(left: Option<Duration>) {
    match left {
        Some(left) => tokio::time::sleep(left).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_before_the_window_ends_it_when_it_opens() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut ends = Ends::listen().unwrap();
            let own = std::process::id().to_string();
            let sent = Command::new("kill").args(["-HUP", &own]).status().unwrap();
            assert!(sent.success());
            tokio::time::timeout(Duration::from_secs(10), ends.signalled())
                .await
                .unwrap();
        });
    }
}
