//! The holder: a small process that owns the links, so that they go when rtprobe is stopped or gone.
//!
//! A process that is stopped by a signal or a debugger keeps its descriptors open, and with them every probe
//! armed. So the links belong to a process of their own. It opens and closes them as it is told over a socket,
//! closes windows by the clock and at their limit by itself, all of them when rtprobe's heartbeat is too old,
//! and all of them at once when rtprobe's end of the socket closes, as it does however rtprobe ends.
//! It is this program again, under another name: [`is_wanted`].

mod process;
mod protocol;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::File,
    io::{self, ErrorKind, Write as _},
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt as _},
    },
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) use protocol::{Cause, ClosedWindow, Event, Passed, Window};
use protocol::{Incoming, Inventory, Order};

use super::{Clock, LinkSpec, Scheduler};
use crate::{discover::ProcFs, sys};

/// The name that the holder is started under.
const NAME: &str = "rtprobe-links";
/// How late it may be with what it is told: windows that it does not close cost the target what nobody allowed.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same where it is not stopped: the kernel takes breakpoints out at once, and then has it wait until no CPU is at one
/// any more. Where all CPUs were taken that was 4 s and more (6.18, `bpf_uprobe_multi_link_release`).
const PATIENCE_WITH_KERNEL: Duration = Duration::from_mins(1);

/// Returns whether this process was started to be the holder, by the name it was given.
pub fn is_wanted(name: Option<&OsStr>) -> bool {
    name == Some(OsStr::new(NAME))
}

/// Is the holder, until rtprobe ends or closes its end.
pub fn hold() -> io::Result<()> {
    process::hold()
}

/// The running holder. Dropping it takes all links off.
#[derive(Debug)]
pub(crate) struct Holder {
    /// Where it is told what to do, and tells what nobody expects.
    urgent: Incoming,
    /// Where it tells what was expected.
    calm: Incoming,
    child: Child,
    /// By probe: when it has to have told of what it was ordered.
    answers_by: BTreeMap<u8, Instant>,
}

/// What the holder works with.
pub(super) struct Tools<'a> {
    pub(super) program: BorrowedFd<'a>,
    pub(super) exe: &'a File,
    pub(super) gates: BorrowedFd<'a>,
    pub(super) clock: &'a Clock,
    pub(super) ticks: BorrowedFd<'a>,
    pub(super) pulse: BorrowedFd<'a>,
    pub(super) shut: BorrowedFd<'a>,
}

impl Holder {
    pub(super) fn start(
        tools: &Tools<'_>,
        target: u32,
        scheduler: Scheduler,
        links: Vec<LinkSpec>,
    ) -> io::Result<Self> {
        let (urgent, theirs) = UnixStream::pair()?;
        let (calm, their_calm) = UnixStream::pair()?;
        let inherited = [
            tools.program,
            tools.exe.as_fd(),
            tools.gates,
            tools.ticks,
            tools.pulse,
            tools.shut,
            their_calm.as_fd(),
        ];
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0(NAME)
            .current_dir("/")
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for rtprobe, which then closes the links in its own time.
            .process_group(0);
        let inherited = inherited.map(|fd| fd.as_raw_fd());
        let clock: Vec<_> = (tools.clock.events.iter())
            .map(AsRawFd::as_raw_fd)
            .collect();
        sys::inherit(&mut command, [inherited.as_slice(), &clock].concat());
        let child = command.spawn()?;
        let [program, exe, gates, ticks, pulse, shut, their_calm] = inherited;
        let mut holder = Self {
            urgent: Incoming::new(urgent),
            calm: Incoming::new(calm),
            child,
            answers_by: BTreeMap::new(),
        };
        holder.write(&Inventory {
            program,
            exe,
            gates,
            ticks,
            clock,
            cpus_of_tick: tools.clock.each,
            pulse,
            shut,
            calm: their_calm,
            target,
            scheduler,
            links,
        })?;
        for incoming in [&holder.urgent, &holder.calm] {
            incoming.socket.set_nonblocking(true)?;
        }
        Ok(holder)
    }

    /// Arms a probe and opens its window; [`Event::Closed`] follows, [`Event::Opened`] before it where the window has
    /// no end, or [`Event::Refused`].
    pub(crate) fn open(&mut self, probe: u8, window: Window) -> io::Result<()> {
        let lasts_ns = (window.after_ns).saturating_add(window.for_ns.unwrap_or(0));
        self.expect_answer(probe, Duration::from_nanos(lasts_ns));
        self.write(&Order::Open { probe, window })
    }

    /// Closes a probe's window, if it is open.
    pub(crate) fn close(&mut self, probe: u8) -> io::Result<()> {
        self.expect_answer(probe, Duration::ZERO);
        self.write(&Order::Close { probe })
    }

    fn expect_answer(&mut self, probe: u8, lasts: Duration) {
        let by = Instant::now().checked_add(lasts);
        self.answers_by.extend(by.map(|by| (probe, by)));
    }

    /// Returns the CPU time that it took so far.
    pub(super) fn cpu_time(&self) -> Duration {
        let time = sys::process_cpu_time_ns(self.child.id());
        time.map_or(Duration::ZERO, Duration::from_nanos)
    }

    fn write(&mut self, message: &impl serde::Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.urgent.socket.write_all(&line)
    }

    /// Returns what has happened since the last call, without waiting.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the holder is gone, and with it all links; `TimedOut` when it does not do what it is told.
    pub(crate) fn events(&mut self) -> io::Result<Vec<Event>> {
        // In this order: when it is gone, there is nothing more to come from the other.
        let gone = !self.urgent.read_all()?;
        self.calm.read_all()?;
        let mut events: Vec<Event> = Vec::new();
        for incoming in [&mut self.urgent, &mut self.calm] {
            while let Some(event) = incoming.next()? {
                events.push(event);
            }
        }
        if gone && events.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        for event in &events {
            self.answers_by.remove(&event.probe());
        }
        match self.answers_by.values().min() {
            Some(by) if self.is_too_late(*by) => Err(ErrorKind::TimedOut.into()),
            _ => Ok(events),
        }
    }

    /// Returns whether there is nothing to be expected any more of what was to be done by then.
    fn is_too_late(&self, by: Instant) -> bool {
        let late = Instant::now().saturating_duration_since(by);
        let is_stopped = || ProcFs::host().is_stopped(self.child.id());
        late > PATIENCE_WITH_KERNEL || (late > PATIENCE && is_stopped())
    }

    /// Waits for the next events, at most so long; only what is urgent ends the wait.
    pub(crate) fn wait(&mut self, patience: Duration) -> io::Result<Vec<Event>> {
        let give_up = Instant::now() + patience;
        loop {
            let events = self.events()?;
            let left = give_up.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            sys::wait_readable([self.urgent.as_fd()], left)?;
        }
    }

    /// Takes all links off, and returns what happened meanwhile, and whether it had to be killed for that.
    pub(crate) fn end(mut self) -> (Vec<Event>, bool) {
        let mut events = Vec::new();
        let mut is_late = false;
        self.answers_by.clear();
        if (self.urgent.socket)
            .shutdown(std::net::Shutdown::Write)
            .is_ok()
        {
            let began = Instant::now();
            while let Ok(more) = self.wait(PATIENCE) {
                events.extend(more);
                is_late = self.is_too_late(began);
                if is_late {
                    break;
                }
            }
            if is_late {
                drop(self.child.kill());
            }
        }
        (events, is_late)
    }
}

/// Becomes readable when there is something urgent.
impl AsFd for Holder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.urgent.as_fd()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // It ends when the socket does, and closing the links is all that it may be busy with.
        drop(self.urgent.socket.shutdown(std::net::Shutdown::Both));
        // One that was stopped would hold them for ever; the kernel takes off what nobody holds.
        drop(sys::wait_or_kill(&mut self.child, PATIENCE));
    }
}
