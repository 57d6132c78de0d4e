//! Channels with a buffer: `hchan.sendx` and `recvx` go around it, one place for each element that is sent or received
//! (src/runtime/chan.go, Go 1.21 to 1.27). What is handed to a goroutine that waits for it passes the buffer by, and is not
//! among them.

use super::{
    Distances, Doubt, Flow, Untold,
    readings::{Reader, Series, WORD},
};

/// More room than this no memory has.
const MOST_ROOM: u64 = 1 << 40;
/// Room that is not gone around in the time of two readings; of those there are at most so many from one to the next.
const ROOM_OF_READING: u64 = 64;
const MOST_APART: u64 = 4;
/// No send and no receive takes less.
const LEAST_OPERATION_NS: f64 = 15.0;

/// By how much more may pass the buffer at most in some time than was seen in another that was as long.
const UNSEEN: f64 = 1.25;

/// Looks at the places of a buffer with so much room, which are at `places_at`.
pub(super) fn look(
    reader: &mut Reader,
    places_at: u64,
    room: u64,
    distances: Distances,
) -> Result<Flow, Untold> {
    let places = [(places_at, 2 * WORD)];
    let mut steps_of = |pauses: usize| Steps::of(room, &reader.series(&places, pauses)?);
    let apart = (room / ROOM_OF_READING).min(MOST_APART) as usize;
    let only = apart == 0 || distances == Distances::Least;
    let near = steps_of(if only { 0 } else { apart - 1 })?;
    let near_flow = near.flow(near.most())?;
    if only {
        return Ok(near_flow);
    }
    let far = steps_of(2 * apart - 1)?;
    Ok(far.flow(far.most_after(&near))?.beyond(&near_flow))
}

/// How far sends and receives came around a buffer from one reading to the next.
#[derive(Debug)]
struct Steps {
    room: u64,
    passed: Vec<[u64; 2]>,
    each_ns: f64,
    least_each_ns: f64,
}

impl Steps {
    fn of(room: u64, series: &Series) -> Result<Self, Untold> {
        let places: Option<Vec<[u64; 2]>> = (series.readings.iter())
            .map(|words| words.as_slice().try_into().ok())
            .collect();
        let places = places.unwrap_or_default();
        // For a moment the place is that behind the last.
        let is_place = |[send, receive]: &[u64; 2]| *send <= room && *receive <= room;
        if !(2..MOST_ROOM).contains(&room) || !places.iter().all(is_place) {
            return Err(Untold::Ever);
        }
        let around = |from: u64, to: u64| (to + room - from) % room;
        let pairs = places.iter().zip(places.iter().skip(1));
        let passed = |([send, receive], [later_send, later_receive]): (&[u64; 2], &[u64; 2])| {
            [around(*send, *later_send), around(*receive, *later_receive)]
        };
        Ok(Self {
            room,
            passed: pairs.map(passed).collect(),
            each_ns: series.each_ns,
            least_each_ns: series.least_each_ns,
        })
    }

    /// Returns how many there may have been from one reading to the next.
    fn most(&self) -> f64 {
        self.least_each_ns / LEAST_OPERATION_NS
    }

    /// The same where it is known how many there are in a part of the time.
    fn most_after(&self, near: &Self) -> f64 {
        let seen = near.passed.iter().flatten().max();
        let seen = seen
            .filter(|seen| **seen > 0)
            .map_or(f64::INFINITY, |seen| *seen as f64);
        let more_ns = (self.least_each_ns - near.least_each_ns).max(0.0);
        (seen * UNSEEN + more_ns / LEAST_OPERATION_NS).min(self.most())
    }

    /// Adds them up. `most`: as many there may have been.
    fn flow(&self, most: f64) -> Result<Flow, Untold> {
        // Where it could have gone around once in between, it has if it comes far again and again.
        let far = match most / self.room as f64 {
            ..1.0 => self.room,
            1.0..2.0 => self.room * 7 / 8,
            // As far as is known: of a first few readings none may have been quick.
            _ => return Err(Untold::TooQuick),
        };
        let is_far = |passed: &&[u64; 2]| passed.iter().any(|n| *n > far);
        match self.passed.iter().filter(is_far).count() {
            0 => {}
            // One reading that came late looks the same.
            1 => return Err(Untold::Now),
            _ => return Err(Untold::TooQuick),
        }
        let [sends, receives] = [0, 1].map(|which| {
            let of = self.passed.iter().filter_map(|passed| passed.get(which));
            of.sum::<u64>() as f64
        });
        Ok(Flow {
            ns: self.each_ns * self.passed.len() as f64,
            sends,
            receives,
            doubt: Doubt::Disturbed,
            ..Flow::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps_of(room: u64, places: &[[u64; 2]], each_ns: f64) -> Result<Steps, Untold> {
        let readings = places.iter().map(|places| places.to_vec()).collect();
        let series = Series {
            readings,
            each_ns,
            least_each_ns: each_ns,
        };
        Steps::of(room, &series)
    }

    fn flow_of(room: u64, places: &[[u64; 2]], each_ns: f64) -> Result<Flow, Untold> {
        let steps = steps_of(room, places, each_ns)?;
        steps.flow(steps.most())
    }

    #[test]
    fn elements_are_counted_around_the_end_of_the_buffer() {
        let flow = flow_of(128, &[[126, 3], [2, 3], [128, 80]], 500.0).unwrap();
        assert!((flow.sends - 130.0).abs() < 1e-9 && (flow.receives - 77.0).abs() < 1e-9);
        assert!((flow.ns - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn a_buffer_that_may_have_been_gone_around_tells_nothing() {
        let far = [[0, 0], [31, 0], [30, 0]];
        assert_eq!(flow_of(32, &far, 500.0), Err(Untold::TooQuick));
        assert_eq!(flow_of(32, &far[..2], 500.0), Err(Untold::Now));
        assert!((flow_of(32, &far, 400.0).unwrap().sends - 62.0).abs() < 1e-9);
        let quick = flow_of(8, &[[0, 0], [1, 0]], 500.0);
        assert_eq!(quick, Err(Untold::TooQuick));
    }

    #[test]
    fn what_was_seen_nearby_tells_how_far_it_can_have_come() {
        // 25 ns for each.
        let near = steps_of(64, &[[0, 0], [20, 0], [40, 0]], 500.0).unwrap();
        let far = steps_of(64, &[[0, 0], [58, 0], [52, 0]], 1_000.0).unwrap();
        assert_eq!(far.flow(far.most()), Err(Untold::TooQuick));
        assert!((far.flow(far.most_after(&near)).unwrap().sends - 116.0).abs() < 1e-9);
        let still = steps_of(64, &[[0, 0], [0, 0]], 500.0).unwrap();
        assert!((far.most_after(&still) - far.most()).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_buffered_channel_tells_nothing() {
        assert_eq!(flow_of(1, &[[0, 0], [0, 0]], 500.0), Err(Untold::Ever));
        assert_eq!(flow_of(64, &[[0, 0], [65, 0]], 500.0), Err(Untold::Ever));
    }
}
