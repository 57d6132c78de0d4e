//! How often a buffered channel is used, without a probe: by where in its buffer the next element goes.
//!
//! `hchan.sendx` and `recvx` go around the buffer, one place for each element that is sent or received
//! (src/runtime/chan.go, Go 1.21 to 1.27). Read so often that they can't go around in between they count the elements.
//! What is handed to a goroutine that waits for it passes the buffer by, and is not among them.

use std::collections::BTreeMap;

use super::threads;
use crate::{address::ProcAddr, discover::ProcFs, sys};

/// `hchan.dataqsiz`, the elements that the buffer has room for.
const ROOM: u64 = 8;
/// More room than this no memory has.
const MOST_ROOM: u64 = 1 << 40;
const WORD: usize = 8;
/// `sendx` and `recvx`.
const PLACES: usize = 2 * WORD;
/// Readings in one system call; without others in between they are half a microsecond apart (Linux 6.18 in a virtual
/// machine).
const READINGS: usize = 12;
/// Room that is not gone around in the time of two readings; of those there are at most so many from one to the next.
const ROOM_OF_READING: u64 = 128;
const MOST_APART: u64 = 4;
/// No send and no receive takes less.
const LEAST_OPERATION_NS: f64 = 15.0;
/// A system call that takes so many times as long as the shortest was interrupted.
const INTERRUPTED: u64 = 3;
/// Calls until it is known how short they are.
const WARM_UP: usize = 8;

/// What went through a channel's buffer in some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Flow {
    pub(crate) ns: f64,
    pub(crate) sends: f64,
    pub(crate) receives: f64,
    /// What readings take is not known.
    pub(crate) is_disturbed: bool,
}

/// Looks at channels of one process.
///
/// Each reading takes the channel's cache line from the CPU that uses it, and the next operation takes longer by the time
/// that the line is on its way: up to a third of the time where readings are half a microsecond apart. So there are some
/// that are farther apart. From one to the next there are as many operations more as there is time more.
#[derive(Clone, Debug)]
pub(crate) struct ChannelReader {
    pid: u32,
    /// Offset of `hchan.sendx`.
    places: u64,
    /// Where nothing is written.
    elsewhere: ProcAddr,
    single: Shortest,
    /// By readings from one of the channel to the next.
    series: BTreeMap<usize, Shortest>,
}

/// The shortest that system calls of one form took.
#[derive(Clone, Copy, Debug)]
struct Shortest(u64);

impl Default for Shortest {
    fn default() -> Self {
        Self(u64::MAX)
    }
}

/// Why nothing is known of a channel's flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untold {
    /// The look was interrupted, or stood in the target's way; another one may tell.
    Now,
    /// The buffer may have been gone around between two readings.
    TooQuick,
    /// It has no buffer, or there is no such channel.
    Ever,
}

impl ChannelReader {
    /// `places`: offset of `hchan.sendx`; `elsewhere`: memory of the process that is never written.
    pub(crate) fn new(pid: u32, places: u32, elsewhere: ProcAddr) -> Self {
        Self {
            pid,
            places: u64::from(places),
            elsewhere,
            single: Shortest::default(),
            series: BTreeMap::new(),
        }
    }

    /// Looks at the channel at `channel` for some 30 to 120 µs.
    pub(crate) fn look(&mut self, channel: ProcAddr) -> Result<Flow, Untold> {
        let room = self.room(channel)?;
        let apart = (room / ROOM_OF_READING).min(MOST_APART) as usize;
        let near = self.series(channel, room, apart.max(1));
        let far = (apart > 0).then(|| self.series(channel, room, 2 * apart));
        if self.room(channel)? != room {
            return Err(Untold::Ever);
        }
        let near = near?;
        let found = match far {
            Some(far) => far?.beyond(&near),
            None => near,
        };
        if near.is_still() && self.displaces_target() {
            return Err(Untold::Now);
        }
        Ok(found)
    }

    /// Returns whether it is for this look that a thread of the process does not run.
    fn displaces_target(&self) -> bool {
        sys::this_cpu().is_some_and(|cpu| threads::is_waiting_for(&ProcFs::host(), self.pid, cpu))
    }

    /// Reads how much room the buffer has.
    fn room(&mut self, channel: ProcAddr) -> Result<u64, Untold> {
        let range = [(channel.0.wrapping_add(ROOM), WORD)];
        let n_calls = if self.series.is_empty() { WARM_UP } else { 1 };
        let mut room = 0;
        for _ in 0..n_calls {
            let (words, took_ns) = read(self.pid, &range)?;
            self.single.admits(took_ns);
            room = words.first().copied().unwrap_or(0);
        }
        Ok(room)
    }

    /// Reads a channel's places again and again, each so many readings after the one before.
    fn series(&mut self, channel: ProcAddr, room: u64, apart: usize) -> Result<Flow, Untold> {
        let mut ranges = vec![(self.elsewhere.0, PLACES); (READINGS - 1) * apart + 1];
        for range in ranges.iter_mut().step_by(apart) {
            *range = (channel.0.wrapping_add(self.places), PLACES);
        }
        let (words, took_ns) = read(self.pid, &ranges)?;
        if !self.series.entry(apart).or_default().admits(took_ns) {
            return Err(Untold::Now);
        }
        // A call for one reading takes as long as what is not between the first and the last of many.
        let ns = took_ns.saturating_sub(self.single.0) as f64;
        let places: Vec<[u64; 2]> = words.as_chunks().0.iter().step_by(apart).copied().collect();
        flow(room, &places, ns / (READINGS - 1) as f64)
    }
}

impl Shortest {
    /// Returns whether a call was as short as others, as far as is known by now.
    fn admits(&mut self, took_ns: u64) -> bool {
        self.0 = self.0.min(took_ns);
        took_ns <= self.0.saturating_mul(INTERRUPTED)
    }
}

impl Flow {
    fn is_still(&self) -> bool {
        self.sends + self.receives <= 0.0
    }

    /// Returns what there was in the time that it took longer than another with as many readings.
    fn beyond(self, other: &Self) -> Self {
        Self {
            ns: self.ns - other.ns,
            sends: self.sends - other.sends,
            receives: self.receives - other.receives,
            is_disturbed: false,
        }
    }
}

/// Reads ranges of a process's memory as words, and returns how long that took.
fn read(pid: u32, ranges: &[(u64, usize)]) -> Result<(Vec<u64>, u64), Untold> {
    let wanted = ranges.iter().map(|(_, len)| len).sum();
    let mut bytes = vec![0; wanted];
    let began_ns = sys::monotonic_ns();
    let read = sys::process_vm_read(pid, &mut bytes, ranges);
    let took_ns = sys::monotonic_ns().saturating_sub(began_ns);
    if !matches!(read, Ok(n) if n == wanted) {
        return Err(Untold::Ever);
    }
    let words = bytes.as_chunks().0.iter();
    Ok((
        words.map(|word| u64::from_le_bytes(*word)).collect(),
        took_ns,
    ))
}

/// Counts what went around a buffer with `room` for so many, from places that were read `each_ns` apart.
fn flow(room: u64, places: &[[u64; 2]], each_ns: f64) -> Result<Flow, Untold> {
    // For a moment the place is that behind the last.
    let is_place = |[send, receive]: &[u64; 2]| *send <= room && *receive <= room;
    if !(2..MOST_ROOM).contains(&room) || !places.iter().all(is_place) {
        return Err(Untold::Ever);
    }
    // Where it could have gone around in between, it has if it comes far.
    let far = if room as f64 * LEAST_OPERATION_NS > each_ns {
        room
    } else {
        room * 3 / 4
    };
    let mut flow = Flow {
        is_disturbed: true,
        ..Flow::default()
    };
    for (&[send, receive], &[later_send, later_receive]) in places.iter().zip(places.iter().skip(1))
    {
        let passed = |from: u64, to: u64| (to + room - from) % room;
        let (sends, receives) = (passed(send, later_send), passed(receive, later_receive));
        if sends > far || receives > far {
            return Err(Untold::TooQuick);
        }
        flow.sends += sends as f64;
        flow.receives += receives as f64;
        flow.ns += each_ns;
    }
    Ok(flow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_around_the_end_of_the_buffer() {
        let places = [[126, 3], [2, 3], [128, 80]];
        let flow = flow(128, &places, 500.0).unwrap();
        assert!((flow.sends - 130.0).abs() < 1e-9 && (flow.receives - 77.0).abs() < 1e-9);
        assert!((flow.ns - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn a_buffer_that_may_have_been_gone_around_tells_nothing() {
        assert_eq!(flow(8, &[[0, 0], [7, 0]], 500.0), Err(Untold::TooQuick));
        assert!((flow(8, &[[0, 0], [7, 0]], 50.0).unwrap().sends - 7.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_buffered_channel_tells_nothing() {
        assert_eq!(flow(0, &[[0, 0], [0, 0]], 500.0), Err(Untold::Ever));
        assert_eq!(flow(1, &[[0, 0], [0, 0]], 500.0), Err(Untold::Ever));
        assert_eq!(flow(64, &[[0, 0], [65, 0]], 500.0), Err(Untold::Ever));
    }

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

    #[test]
    fn a_channel_in_memory_is_looked_at() {
        let idle: [u64; 8] = [3, 64, 0, 8, 0, 9, 6, 0];
        let at = ProcAddr(idle.as_ptr() as u64);
        let mut reader = ChannelReader::new(std::process::id(), 40, at);
        assert_eq!(reader.room(at), Ok(64));
        let flow = reader.series(at, 64, 2).unwrap();
        assert!(flow.is_still() && flow.ns > 0.0);
        assert_eq!(reader.look(ProcAddr(8)), Err(Untold::Ever));
    }
}
