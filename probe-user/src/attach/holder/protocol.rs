//! What rtprobe and the holder of its links say to each other: lines of JSON over a socket.

use serde::{Deserialize, Serialize};

use super::super::LinkSpec;

/// The first line: what to hold, by descriptors that the holder inherits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Inventory {
    pub(super) program: i32,
    pub(super) exe: i32,
    pub(super) gates: i32,
    pub(super) pulse: i32,
    /// Process whose CPU time is read, in rtprobe's own PID namespace.
    pub(super) target: u32,
    pub(super) links: Vec<LinkSpec>,
}

/// Every line after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Arm the sites of a probe and open its window: for so long or until it is told to close, and for at
    /// most so many operations.
    Open {
        probe: u8,
        for_ns: Option<u64>,
        limit: u64,
    },
    Close {
        probe: u8,
    },
}

/// What became of a probe's link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    Opened { probe: u8, attach_ns: u64 },
    Closed { probe: u8, window: ClosedWindow },
    Refused { probe: u8, reason: String },
}

impl Event {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClosedWindow {
    pub(crate) opened_ns: u64,
    /// When the last operation was counted that could be.
    pub(crate) closed_ns: u64,
    pub(crate) attach_ns: u64,
    pub(crate) detach_ns: u64,
    /// CPU time of the target while it was open.
    pub(crate) cpu_ns: u64,
    pub(crate) cause: Cause,
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
