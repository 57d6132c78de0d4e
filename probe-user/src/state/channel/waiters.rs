//! Channels without a buffer: at each element the goroutine stops that comes first, and `g.trackingSeq` counts how often
//! a goroutine stops, around a byte (src/runtime/proc.go `casgstatus`, Go 1.21 to 1.27). Who stops at a channel is in its
//! queues at one moment or another. What a goroutine does elsewhere is counted as well.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Doubt, Flow, Untold,
    readings::{Range, Reader, Series, WORD},
};

/// `hchan.recvq` and `sendq` behind `sendx`: the first words of both are `sudog`s, the first word of each a `g`.
const QUEUES: [u64; 2] = [16, 32];
/// Goroutines that are counted at one channel.
const MOST_WAITERS: usize = 8;
/// Addresses of a process end here.
const USER_SPACE: u64 = 1 << 47;

/// Goroutines that were seen waiting, by the address of their channel's places.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiters(BTreeMap<u64, BTreeSet<u64>>);

impl Waiters {
    /// Looks at who uses the channel whose `sendx` is at `places_at`.
    pub(super) fn look(
        &mut self,
        reader: &mut Reader,
        places_at: u64,
        tracking_seq: u64,
    ) -> Result<Flow, Untold> {
        let known = self.0.entry(places_at).or_default();
        let n_known = known.len();
        for queue in QUEUES {
            known.extend(first_of(reader, places_at.wrapping_add(queue)));
        }
        if known.len() > MOST_WAITERS {
            return Err(Untold::Ever);
        }
        if known.len() > n_known {
            return Err(Untold::More);
        }
        if known.is_empty() {
            return Err(Untold::Now);
        }
        let counter = |g: &u64| g.wrapping_add(tracking_seq);
        let words: Vec<Range> = known.iter().map(|g| (counter(g) & !7, WORD)).collect();
        let bytes: Vec<usize> = known.iter().map(|g| (counter(g) & 7) as usize).collect();
        let mut flow_of = |pauses: usize| Ok(flow(&bytes, &reader.series(&words, pauses)?));
        let near = flow_of(0)?;
        Ok(flow_of(words.len())?.beyond(&near))
    }
}

/// Returns whether goroutines wait at the channel whose `sendx` is at `places_at`: to receive, and to send.
pub(super) fn waiting_at(reader: &mut Reader, places_at: u64) -> [bool; 2] {
    QUEUES.map(|queue| {
        reader
            .word(places_at.wrapping_add(queue))
            .is_ok_and(|at| at != 0)
    })
}

/// Returns the goroutine that is the first in a queue. What is read may have been freed meanwhile: it is a number that is
/// looked for where goroutines are, and nothing more.
fn first_of(reader: &mut Reader, queue_at: u64) -> Option<u64> {
    let is_address = |at: &u64| *at != 0 && *at < USER_SPACE && at.is_multiple_of(WORD as u64);
    let waiting = reader.word(queue_at).ok().filter(is_address)?;
    reader.word(waiting).ok().filter(is_address)
}

/// Counts how often goroutines stopped, each by one byte of its word.
fn flow(bytes: &[usize], series: &Series) -> Flow {
    let stops = |before: &Vec<u64>, after: &Vec<u64>| {
        let each = before.iter().zip(after).zip(bytes);
        let each = each.map(|((before, after), byte)| {
            let count = |word: &u64| word.to_le_bytes().get(*byte).copied().unwrap_or(0);
            f64::from(count(after).wrapping_sub(count(before)))
        });
        each.sum::<f64>()
    };
    let readings = &series.readings;
    let pairs = readings.iter().zip(readings.iter().skip(1));
    let stopped = pairs.map(|(before, after)| stops(before, after)).sum();
    Flow {
        ns: series.each_ns * readings.len().saturating_sub(1) as f64,
        sends: stopped,
        receives: stopped,
        doubt: Doubt::Stops,
        ..Flow::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ProcAddr;

    #[test]
    fn stops_of_all_are_counted_around_the_end_of_a_byte() {
        let series = Series {
            readings: vec![vec![254 << 56, 1], vec![1 << 56, 1], vec![1 << 56, 5]],
            each_ns: 500.0,
            least_each_ns: 500.0,
        };
        let flow = flow(&[7, 0], &series);
        assert!((flow.sends - 7.0).abs() < 1e-9 && (flow.ns - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn who_waits_is_found_in_the_queues() {
        let at = |words: &[u64]| words.as_ptr() as u64;
        let goroutines = [[0_u64; 4], [0; 4]];
        let sudogs = goroutines.each_ref().map(|g| [at(g)]);
        // sendx, recvx, and both queues.
        let places = [0, 0, at(&sudogs[0]), 0, at(&sudogs[1]), 0];
        let mut reader = Reader::new(std::process::id(), ProcAddr(at(&places)));
        let mut waiters = Waiters::default();
        let mut look = || waiters.look(&mut reader, at(&places), 15);
        assert_eq!(look(), Err(Untold::More));
        let flow = (0..20).find_map(|_| look().ok()).unwrap();
        assert!(flow.is_still());
    }

    #[test]
    fn queues_of_memory_that_was_freed_tell_nothing() {
        let places = [0_u64, 0, 3, 0, u64::MAX, 0];
        let at = places.as_ptr() as u64;
        let mut reader = Reader::new(std::process::id(), ProcAddr(at));
        let mut waiters = Waiters::default();
        assert_eq!(waiters.look(&mut reader, at, 15), Err(Untold::Now));
    }
}
