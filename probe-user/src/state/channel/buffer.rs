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
/// Of what passed in the least of some times no less passes in one that is longer, but for the look at it.
const LEAST_AGAIN: f64 = 0.7;
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
    near.not_gone_around(near.most())?;
    if only {
        return Ok(near.flow());
    }
    let far = steps_of(2 * apart - 1)?;
    far.not_gone_around_after(&near)?;
    Ok(far.flow().beyond(&near.flow()))
}

/// What passes without a break: sends, receives, or both by turns.
type Count = fn(&[u64; 2]) -> u64;
const COUNTS: [Count; 3] = [
    |[sends, _]| *sends,
    |[_, receives]| *receives,
    |both| both.iter().sum(),
];

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

    /// Fails where the buffer may have been gone around: again and again readings find it far from where it was. `most`: as
    /// many there may have been from one to the next.
    fn not_gone_around(&self, most: f64) -> Result<(), Untold> {
        let far = self.room * 7 / 8;
        self.none_gone_around(most, |passed| passed.iter().any(|n| *n > far))
    }

    /// The same where it is known how many there are in a part of the time: where there are less it has been gone around.
    fn not_gone_around_after(&self, near: &Self) -> Result<(), Untold> {
        let most = self.most_after(near);
        let least = |count: &Count| near.passed.iter().map(count).min().unwrap_or(0);
        let steady = COUNTS.map(|count| (count, LEAST_AGAIN * least(&count) as f64));
        if steady.iter().all(|(_, least)| *least <= 0.0) {
            return self.not_gone_around(most);
        }
        self.none_gone_around(most, |passed| {
            (steady.iter()).any(|(count, least)| (count(passed) as f64) < *least)
        })
    }

    fn none_gone_around(
        &self,
        most: f64,
        is_gone_around: impl Fn(&&[u64; 2]) -> bool,
    ) -> Result<(), Untold> {
        match most / self.room as f64 {
            ..1.0 => return Ok(()),
            1.0..2.0 => {}
            // As far as is known: of a first few readings none may have been quick.
            _ => return Err(Untold::TooQuick),
        }
        match self.passed.iter().filter(is_gone_around).count() {
            0 => Ok(()),
            // One reading that came late looks the same.
            1 => Err(Untold::Now),
            _ => Err(Untold::TooQuick),
        }
    }

    /// Adds them up.
    fn flow(&self) -> Flow {
        let [sends, receives] = [0, 1].map(|which| {
            let of = self.passed.iter().filter_map(|passed| passed.get(which));
            of.sum::<u64>() as f64
        });
        Flow {
            ns: self.each_ns * self.passed.len() as f64,
            sends,
            receives,
            doubt: Doubt::Disturbed,
            ..Flow::default()
        }
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
        steps.not_gone_around(steps.most())?;
        Ok(steps.flow())
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
        let told = |near: &[[u64; 2]], far: &[[u64; 2]]| {
            let near = steps_of(64, near, 500.0).unwrap();
            let far = steps_of(64, far, 1_000.0).unwrap();
            far.not_gone_around_after(&near).ok()?;
            Some(far.flow().sends)
        };
        // 20 ns for each, by one goroutine that sends or by one that sends and receives.
        let sends = [[0, 0], [25, 0], [50, 0]];
        let both = [[0, 0], [25, 0], [25, 25]];
        let far = [[0, 0], [58, 0], [52, 0]];
        assert_eq!(told(&sends, &far), Some(116.0));
        assert_eq!(told(&both, &[[0, 0], [58, 0], [58, 60]]), Some(58.0));
        // 15 ns in between are not impossible.
        assert_eq!(told(&sends, &[[0, 0], [2, 0], [4, 0]]), None);
        assert_eq!(told(&both, &[[0, 0], [1, 3], [1, 6]]), None);
        // There may have been no end of them.
        assert_eq!(told(&[[0, 0], [0, 0]], &far), None);
    }

    #[test]
    fn what_is_no_buffered_channel_tells_nothing() {
        assert_eq!(flow_of(1, &[[0, 0], [0, 0]], 500.0), Err(Untold::Ever));
        assert_eq!(flow_of(64, &[[0, 0], [65, 0]], 500.0), Err(Untold::Ever));
    }
}
