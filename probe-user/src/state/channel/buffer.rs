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

/// Looks at the places of a buffer with so much room, which are at `places_at`.
pub(super) fn look(
    reader: &mut Reader,
    places_at: u64,
    room: u64,
    distances: Distances,
) -> Result<Flow, Untold> {
    let places = [(places_at, 2 * WORD)];
    let mut flow_of = |pauses: usize| flow(room, &reader.series(&places, pauses)?);
    let apart = (room / ROOM_OF_READING).min(MOST_APART) as usize;
    if apart == 0 || distances == Distances::Least {
        return flow_of(0);
    }
    let near = flow_of(apart - 1)?;
    Ok(flow_of(2 * apart - 1)?.beyond(&near))
}

/// Counts what went around a buffer with `room` for so many.
fn flow(room: u64, series: &Series) -> Result<Flow, Untold> {
    let places: Option<Vec<[u64; 2]>> = (series.readings.iter())
        .map(|words| words.as_slice().try_into().ok())
        .collect();
    let places = places.unwrap_or_default();
    // For a moment the place is that behind the last.
    let is_place = |[send, receive]: &[u64; 2]| *send <= room && *receive <= room;
    if !(2..MOST_ROOM).contains(&room) || !places.iter().all(is_place) {
        return Err(Untold::Ever);
    }
    // Where it could have gone around once in between, it has if it comes far again and again.
    let around = series.least_each_ns / (room as f64 * LEAST_OPERATION_NS);
    let far = match around {
        ..1.0 => room,
        1.0..2.0 => room * 7 / 8,
        // As far as is known: of a first few readings none may have been quick.
        _ => return Err(Untold::TooQuick),
    };
    let mut n_far = 0;
    let mut flow = Flow {
        doubt: Doubt::Disturbed,
        ..Flow::default()
    };
    for (&[send, receive], &[later_send, later_receive]) in places.iter().zip(places.iter().skip(1))
    {
        let passed = |from: u64, to: u64| (to + room - from) % room;
        let (sends, receives) = (passed(send, later_send), passed(receive, later_receive));
        n_far += u32::from(sends > far || receives > far);
        flow.sends += sends as f64;
        flow.receives += receives as f64;
        flow.ns += series.each_ns;
    }
    match n_far {
        0 => Ok(flow),
        // One reading that came late looks the same.
        1 => Err(Untold::Now),
        _ => Err(Untold::TooQuick),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow_of(room: u64, places: &[[u64; 2]], each_ns: f64) -> Result<Flow, Untold> {
        let readings = places.iter().map(|places| places.to_vec()).collect();
        let series = Series {
            readings,
            each_ns,
            least_each_ns: each_ns,
        };
        flow(room, &series)
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
    fn what_is_no_buffered_channel_tells_nothing() {
        assert_eq!(flow_of(1, &[[0, 0], [0, 0]], 500.0), Err(Untold::Ever));
        assert_eq!(flow_of(64, &[[0, 0], [65, 0]], 500.0), Err(Untold::Ever));
    }
}
