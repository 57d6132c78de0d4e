//! How often a channel is used, without a probe: by what the runtime itself counts up.
//!
//! With a buffer by where in it the next element goes ([`buffer`]), without one by how often goroutines stop at it
//! ([`waiters`]). Both are small numbers that begin anew soon: they are read so often that none can pass unseen.
//!
//! Each reading takes the cache line from the CPU that uses it, and the next operation takes longer by the time that the
//! line is on its way: up to a third of the time where readings are half a microsecond apart. So there are some that are
//! farther apart. From one to the next there are as many operations more as there is time more.

mod buffer;
mod readings;
mod waiters;

use readings::Reader;
use waiters::Waiters;

use super::threads;
use crate::{address::ProcAddr, discover::ProcFs, sys};

/// `hchan.dataqsiz`, the elements that the buffer has room for (src/runtime/chan.go).
const ROOM: u64 = 8;
/// By how much more there is than was read, at least and at most, where what readings take is not known (sends of
/// `tests/targets/flatout`).
const DISTURBED: (f64, f64) = (1.2, 4.0);
/// Where it is: who looks keeps a CPU busy that may be the other half of the target's core, and is interrupted where the
/// target is (the same sends alone, beside one and two processes that spin, and on one CPU with a twin).
const LOOKED_AT: (f64, f64) = (0.85, 1.12);
/// Where stops were counted: some are for something else.
const STOPPED: (f64, f64) = (0.9, 1.0);

/// What went through a channel in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flow {
    pub(crate) ns: f64,
    pub(crate) sends: f64,
    pub(crate) receives: f64,
    pub(crate) doubt: Doubt,
    /// A thread waited for the CPU that it was looked from first.
    pub(crate) is_elsewhere: bool,
    /// A goroutine waited at the channel before or after.
    pub(crate) is_waited_at: bool,
    /// At which part of these two moments one waited for an element, which passes the buffer by then.
    pub(crate) awaited: f64,
}

/// How far readings of a buffer are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Distances {
    /// As little as can be, and more, where there is room for that: what a reading takes is in both.
    #[default]
    Two,
    Least,
}

/// What a flow leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Doubt {
    #[default]
    Nothing,
    /// What readings take is not known.
    Disturbed,
    /// Those that stopped were counted, not the elements.
    Stops,
}

/// Where fields of the runtime's are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelLayout {
    /// `hchan.sendx`, followed by `recvx` and the queues of those that wait.
    pub(crate) sendx: u32,
    /// `g.trackingSeq`, a byte.
    pub(crate) tracking_seq: Option<u32>,
}

/// Looks at channels of one process.
#[derive(Clone, Debug)]
pub(crate) struct ChannelReader {
    reader: Reader,
    layout: ChannelLayout,
    waiters: Waiters,
}

/// Why nothing is known of a channel's flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untold {
    /// The look was interrupted, or there was nothing to count; another one may tell.
    Now,
    /// It is for the look that a thread of the target does not run.
    Displaced,
    /// The buffer may have been gone around between two readings.
    TooQuick,
    /// There are more that have to be counted than before.
    More,
    /// There is nothing that counts, or no such channel.
    Ever,
}

impl ChannelReader {
    /// `elsewhere`: memory of the process that is never written.
    pub(crate) fn new(pid: u32, layout: ChannelLayout, elsewhere: ProcAddr) -> Self {
        Self {
            reader: Reader::new(pid, elsewhere),
            layout,
            waiters: Waiters::default(),
        }
    }

    /// Looks at the channel at `channel` for some 30 to 120 µs; from another CPU where the thread that uses it waits for
    /// this one.
    pub(crate) fn look(&mut self, channel: ProcAddr, distances: Distances) -> Result<Flow, Untold> {
        match self.look_from_here(channel, distances) {
            Err(Untold::Displaced) => {
                let found = sys::elsewhere(|| self.look_from_here(channel, distances));
                let flow = found.unwrap_or(Err(Untold::Displaced))?;
                Ok(Flow {
                    is_elsewhere: true,
                    ..flow
                })
            }
            found => found,
        }
    }

    fn look_from_here(&mut self, channel: ProcAddr, distances: Distances) -> Result<Flow, Untold> {
        let room_at = channel.0.wrapping_add(ROOM);
        let queues_at = channel.0.wrapping_add(u64::from(self.layout.sendx));
        let room = self.reader.word(room_at)?;
        let before = waiters::waiting_at(&mut self.reader, queues_at);
        let found = match (room, self.layout.tracking_seq) {
            (0, Some(tracking_seq)) => {
                (self.waiters).look(&mut self.reader, queues_at, u64::from(tracking_seq))
            }
            _ => buffer::look(&mut self.reader, queues_at, room, distances),
        };
        if self.reader.word(room_at)? != room {
            return Err(Untold::Ever);
        }
        let is_still = match found {
            Ok(flow) => flow.is_still(),
            Err(untold) => untold == Untold::Now,
        };
        if is_still && self.displaces_target() {
            return Err(Untold::Displaced);
        }
        let after = waiters::waiting_at(&mut self.reader, queues_at);
        found.map(|flow| Flow {
            is_waited_at: before.into_iter().chain(after).any(|waits| waits),
            awaited: if room == 0 {
                0.0
            } else {
                f64::from(u8::from(before[0]) + u8::from(after[0])) / 2.0
            },
            ..flow
        })
    }

    /// Returns whether it is for this look that a thread of the process does not run.
    fn displaces_target(&self) -> bool {
        let pid = self.reader.pid();
        sys::this_cpu().is_some_and(|cpu| threads::is_waiting_for(&ProcFs::host(), pid, cpu))
    }
}

impl Doubt {
    /// Returns how many times as much there is as was read, at least and at most.
    pub(crate) const fn factors(self) -> (f64, f64) {
        match self {
            Self::Nothing => LOOKED_AT,
            Self::Disturbed => DISTURBED,
            Self::Stops => STOPPED,
        }
    }
}

impl Flow {
    fn is_still(&self) -> bool {
        self.sends.abs() + self.receives.abs() <= 0.0
    }

    /// Returns what there was in the time that it took longer than another with as many readings.
    fn beyond(self, other: &Self) -> Self {
        Self {
            ns: self.ns - other.ns,
            sends: self.sends - other.sends,
            receives: self.receives - other.receives,
            doubt: match self.doubt {
                Doubt::Stops => Doubt::Stops,
                Doubt::Nothing | Doubt::Disturbed => Doubt::Nothing,
            },
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_readings_take_is_in_both_series() {
        let of = |ns, sends| Flow {
            ns,
            sends,
            ..Flow::default()
        };
        // 20 ns for each, and 200 ns for each of ten readings: 700 and 1200 ns apart.
        let found = of(12_000.0, 500.0).beyond(&of(7_000.0, 250.0));
        assert!((found.ns / found.sends - 20.0).abs() < 1e-9);
    }
}
