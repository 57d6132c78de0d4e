//! What rtprobe and the holder of its links say to each other: lines of JSON over a socket.

use std::{
    io::{self, ErrorKind, Read as _},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::super::{LinkSpec, Scheduler, Steps, Ticks, gates::Traffic};
use crate::govern::Room;

/// The first line: what to hold, by descriptors that the holder inherits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Inventory {
    pub(super) program: i32,
    pub(super) exe: i32,
    pub(super) gates: i32,
    pub(super) ticks: i32,
    /// For each CPU that ticks.
    pub(super) clock: Vec<i32>,
    pub(super) cpus_of_tick: u32,
    pub(super) pulse: i32,
    pub(super) shut: i32,
    /// The socket for events that are not urgent.
    pub(super) calm: i32,
    /// Process whose CPU time is read, in rtprobe's own PID namespace.
    pub(super) target: u32,
    pub(super) scheduler: Scheduler,
    pub(super) links: Vec<LinkSpec>,
}

/// Every line after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Arm the sites of a probe and open its window.
    Open {
        probe: u8,
        window: Window,
    },
    Close {
        probe: u8,
    },
}

/// A window to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    /// Not before so long has passed: when it opens must not depend on the beat that orders come in.
    pub(crate) after_ns: u64,
    /// How long it is open; `None`: until it is told to close.
    pub(crate) for_ns: Option<u64>,
    pub(crate) room: Room,
    /// The fine clock ticks meanwhile.
    pub(crate) ticks: bool,
}

impl Window {
    /// Opens at once and stays open, until there is no room left.
    pub(crate) const fn staying(room: Room) -> Self {
        Self {
            after_ns: 0,
            for_ns: None,
            room,
            ticks: false,
        }
    }
}

/// What became of a probe's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    Opened {
        probe: u8,
        /// By the monotonic clock.
        opened_ns: u64,
        attach_ns: u64,
    },
    Closed {
        probe: u8,
        window: ClosedWindow,
    },
    Refused {
        probe: u8,
        reason: String,
    },
}

impl Event {
    /// Returns whether it is not what was expected: a window that its time ended was.
    pub(super) fn is_urgent(&self) -> bool {
        let is_expected = |window: &ClosedWindow| window.cause == Cause::Time;
        !matches!(self, Self::Closed { window, .. } if is_expected(window))
    }

    /// Returns the probe it is about.
    pub(crate) fn probe(&self) -> u8 {
        match self {
            Self::Opened { probe, .. }
            | Self::Closed { probe, .. }
            | Self::Refused { probe, .. } => *probe,
        }
    }
}

/// A window that is over, its sites restored. Times are of the monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClosedWindow {
    pub(crate) opened_ns: u64,
    /// When the last operation was counted that could be.
    pub(crate) closed_ns: u64,
    pub(crate) attach_ns: u64,
    pub(crate) detach_ns: u64,
    /// What went on while it was open.
    pub(crate) inside: Passed,
    pub(crate) cause: Cause,
}

impl ClosedWindow {
    /// A window that did not come about.
    pub(crate) fn unopened(now_ns: u64) -> Self {
        Self {
            opened_ns: now_ns,
            closed_ns: now_ns,
            attach_ns: 0,
            detach_ns: 0,
            inside: Passed::default(),
            cause: Cause::Order,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cause {
    /// Its time was over.
    Time,
    /// It had counted as many operations as it may.
    Limit,
    /// It was told to.
    Order,
    /// rtprobe does not say any more that it is alive.
    Abandoned,
}

/// What the target did in some time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Passed {
    pub(crate) ns: u64,
    /// CPU time of the target.
    pub(crate) cpu_ns: u64,
    /// What its scheduler counted.
    pub(crate) steps: Option<Steps>,
    /// Of the fine clock, where it was on all the time.
    pub(crate) ticks: Option<Ticks>,
    /// Operations, and hits of the probe's sites.
    pub(crate) traffic: Traffic,
}

impl Passed {
    /// Returns what came in since `earlier`.
    pub(super) fn since(self, earlier: &Self) -> Self {
        Self {
            ns: self.ns.saturating_sub(earlier.ns),
            cpu_ns: self.cpu_ns.saturating_sub(earlier.cpu_ns),
            steps: (self.steps.zip(earlier.steps)).map(|(now, then)| now.since(then)),
            ticks: (self.ticks.zip(earlier.ticks.as_ref())).map(|(now, then)| now.since(then)),
            traffic: self.traffic.since(earlier.traffic),
        }
    }
}

/// Most bytes that are kept before they make a line.
const MAX_PENDING: usize = 1 << 20;

/// What has been read and not yet been understood.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    /// Takes over what was read.
    ///
    /// # Errors
    ///
    /// More than any line is.
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pending.extend(bytes);
        if self.pending.len() > MAX_PENDING {
            return Err(io::Error::other("a line that has no end"));
        }
        Ok(())
    }

    /// Returns the next message, if it is complete.
    fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') else {
            return Ok(None);
        };
        let line: Vec<u8> = self.pending.drain(..=end).collect();
        Ok(Some(serde_json::from_slice(&line)?))
    }
}

/// The end of a socket that messages come from.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) socket: UnixStream,
    lines: Lines,
}

impl Incoming {
    pub(super) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            lines: Lines::default(),
        }
    }

    /// Reads once, and returns whether more may come.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let n = self.socket.read(&mut buffer)?;
        self.lines.push(buffer.get(..n).unwrap_or_default())?;
        Ok(n > 0)
    }

    /// Takes over what there is to read of a socket that does not wait, and returns whether more may come.
    pub(super) fn read_all(&mut self) -> io::Result<bool> {
        loop {
            match self.read() {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the next message, if it is complete.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        self.lines.next()
    }
}

/// Becomes readable when there is something to read.
impl AsFd for Incoming {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_whole_however_they_were_cut() {
        let orders = [Order::Close { probe: 3 }, Order::Close { probe: 4 }];
        let mut text = Vec::new();
        for order in orders {
            text.extend(serde_json::to_vec(&order).unwrap());
            text.push(b'\n');
        }
        for cut in 0..text.len() {
            let (first, second) = text.split_at(cut);
            let mut lines = Lines::default();
            let mut found = Vec::new();
            for part in [first, second] {
                lines.push(part).unwrap();
                while let Some(order) = lines.next::<Order>().unwrap() {
                    found.push(order);
                }
            }
            assert_eq!(found, orders);
        }
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        let mut lines = Lines::default();
        lines.push(b"nonsense\n").unwrap();
        assert!(lines.next::<Order>().is_err());
        assert!(lines.push(&vec![b' '; MAX_PENDING + 1]).is_err());
    }
}
