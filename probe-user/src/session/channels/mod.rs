//! Which channels are used most, and how often while no probe is on.

mod uses;

use std::collections::BTreeMap;

use uses::{AllUses, Known, Whose};

use crate::{
    address::ProcAddr,
    aggregate::{Free, Progress, Snapshot},
    plan::ProbeName,
    state::{ChannelReader, Distances, Doubt, Flow, Untold},
};

/// A channel that is known so well, after so many looks, or that nothing went through, is looked at less often.
const ENOUGH: u64 = 24;
const KNOWN_ERROR: f64 = 0.05;
const SELDOM: u64 = 4;
/// Channels that are looked at, ever.
const MAX_WATCHED: usize = 16;
/// So many looks say how much they differ, and are not only the first; one in so many may find it too quick: what is left
/// out is what comes most often.
const LEAST_LOOKS: u64 = 3;
const TOO_QUICK: u64 = 8;
/// So many times there may be something that was not seen (Poisson, 95 %).
const NONE_AT_MOST: f64 = 3.0;
/// One that is too quick so often, and as often as not, will not tell.
const HOPELESS: u64 = 12;

/// The probes whose operations go through a buffer.
pub(super) const PROBES: [ProbeName; 2] = [ProbeName::ChanSend, ProbeName::ChanRecv];

/// Watches the channels of one process.
#[derive(Debug)]
pub(super) struct Channels {
    reader: ChannelReader,
    uses: AllUses,
    known: BTreeMap<Whose, Known>,
    /// By address.
    watched: BTreeMap<u64, Watched>,
    turn: u64,
}

#[derive(Debug, Default)]
struct Watched {
    sends: Progress,
    receives: Progress,
    doubt: Doubt,
    distances: Distances,
    tries: u64,
    looks: u64,
    /// Tries for which a thread waited at first.
    waited: u64,
    /// Looks at which a goroutine waited at the channel.
    waited_at: u64,
    /// The same for an element, which passed the buffer by: the parts of the looks, added up.
    awaited: f64,
    too_quick: u64,
    is_untellable: bool,
}

impl Channels {
    pub(super) fn new(reader: ChannelReader) -> Self {
        Self {
            reader,
            uses: AllUses::default(),
            known: BTreeMap::new(),
            watched: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Takes over which channels rows are on by now.
    pub(super) fn absorb(&mut self, snapshot: &Snapshot) {
        self.uses.absorb(snapshot);
        let known = PROBES.into_iter().map(|probe| self.uses.known(probe));
        self.known = known.flatten().collect();
    }

    /// Looks at the channel that was looked at least of those of some probes, while none of these is on: which is what
    /// `is_free` tells before and after.
    pub(super) fn look(
        &mut self,
        is_looked_at: impl Fn(ProbeName) -> bool,
        is_free: impl Fn() -> bool,
    ) {
        let has_room = self.watched.len() < MAX_WATCHED;
        let tries = |channel: &u64| self.watched.get(channel).map_or(0, |watched| watched.tries);
        let may_tell = |channel: &u64| match self.watched.get(channel) {
            Some(watched) => !watched.is_untellable,
            None => has_room,
        };
        let known = (self.known.iter()).filter(|((probe, _), _)| is_looked_at(*probe));
        let channels = known.flat_map(|(_, known)| known.channels.iter().copied());
        let channel = channels.filter(may_tell).min_by_key(tries);
        let Some(channel) = channel else {
            return;
        };
        let watched = self.watched.entry(channel).or_default();
        self.turn += 1;
        if watched.is_known() && !self.turn.is_multiple_of(SELDOM) {
            return;
        }
        watched.tries += 1;
        let found = self.reader.look(ProcAddr(channel), watched.distances);
        if is_free() {
            watched.take(found);
        }
    }

    /// Returns the roles whose goroutines use channels that no others do.
    pub(super) fn roles(&self, probe: ProbeName) -> impl Iterator<Item = u16> {
        let known = self.known.keys().filter(move |(of, _)| *of == probe);
        known.filter_map(|(_, role)| *role)
    }

    /// Returns how often there were sends to their channels, or receives from them; nothing where one of those does not
    /// tell. `windows_of`: what windows stand for of parts of rows.
    pub(super) fn free(
        &self,
        whose: Whose,
        windows_of: impl Fn(&BTreeMap<u32, f64>) -> f64,
    ) -> Option<Free> {
        let known = self.known.get(&whose)?;
        let mut sum = Free {
            windows: windows_of(&known.rows),
            ..Free::default()
        };
        for channel in &known.channels {
            let watched = self.watched.get(channel)?;
            if watched.is_untellable || watched.looks < LEAST_LOOKS || watched.is_too_quick() {
                return None;
            }
            let progress = match whose {
                (ProbeName::ChanRecv, _) => &watched.receives,
                _ => &watched.sends,
            };
            sum.add(progress, watched.doubt.factors());
            sum.waited = sum.waited.max(watched.waited());
            sum.waited_at = sum.waited_at.max(watched.waited_at());
            let (awaited, at_most) = watched.awaited();
            sum.awaited = sum.awaited.max(awaited);
            sum.awaited_at_most = sum.awaited_at_most.max(at_most);
        }
        Some(sum)
    }
}

/// Returns which part of the time it may be that was seen so often.
fn at_most(seen: f64, moments: f64) -> f64 {
    ((seen + NONE_AT_MOST) / moments.max(1.0)).min(1.0)
}

impl Watched {
    fn is_known(&self) -> bool {
        let is_still = self.sends.rate() + self.receives.rate() <= 0.0;
        self.looks >= ENOUGH && (is_still || self.sends.error() < KNOWN_ERROR)
    }

    /// Returns at which part of the tries a thread waited.
    fn waited(&self) -> f64 {
        (self.waited as f64 / self.tries.max(1) as f64).min(1.0)
    }

    /// Returns for which part of the time a goroutine waits at the channel, at most.
    fn waited_at(&self) -> f64 {
        at_most(self.waited_at as f64, self.looks as f64)
    }

    /// Returns for which part of the time a goroutine waits for an element, likely and at most.
    fn awaited(&self) -> (f64, f64) {
        let looks = self.looks.max(1) as f64;
        // Each sees it at two moments.
        let most = at_most(2.0 * self.awaited, 2.0 * looks);
        (self.awaited / looks, most)
    }

    fn is_too_quick(&self) -> bool {
        self.too_quick * TOO_QUICK > self.looks
    }

    fn begin_anew(&mut self, distances: Distances) {
        *self = Self {
            distances,
            tries: self.tries,
            ..Self::default()
        };
    }

    fn take(&mut self, found: Result<Flow, Untold>) {
        match found {
            Ok(flow) => {
                self.looks += 1;
                self.waited += u64::from(flow.is_elsewhere);
                self.waited_at += u64::from(flow.is_waited_at);
                self.awaited += flow.awaited;
                self.doubt = flow.doubt;
                self.sends.add(&Progress::of(flow.ns, flow.sends));
                self.receives.add(&Progress::of(flow.ns, flow.receives));
            }
            Err(Untold::Now) => {}
            Err(Untold::Displaced) => self.waited += 1,
            Err(Untold::More) => self.begin_anew(self.distances),
            Err(Untold::TooQuick) => {
                self.too_quick += 1;
                let is_sure = self.too_quick >= LEAST_LOOKS && self.is_too_quick();
                match self.distances {
                    Distances::Two if is_sure => self.begin_anew(Distances::Least),
                    Distances::Least => {
                        self.is_untellable = self.too_quick >= HOPELESS.max(self.looks);
                    }
                    Distances::Two => {}
                }
            }
            Err(Untold::Ever) => self.is_untellable = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        uses::tests::{HOT, snapshots},
        *,
    };
    use crate::state::ChannelLayout;

    #[test]
    fn few_looks_do_not_tell_that_nobody_waits() {
        let mut watched = Watched::default();
        let mut waited_at = |looks: u64, is_waited_at: bool| {
            let flow = Flow {
                is_waited_at,
                ..Flow::default()
            };
            (0..looks).for_each(|_| watched.take(Ok(flow)));
            watched.waited_at()
        };
        assert!((waited_at(2, false) - 1.0).abs() < 1e-9);
        assert!((waited_at(28, false) - 0.1).abs() < 1e-9);
        assert!(waited_at(10, true) > 0.25);
    }

    #[test]
    fn a_channel_that_is_often_too_quick_tells_nothing() {
        let layout = ChannelLayout {
            sendx: 48,
            tracking_seq: None,
        };
        let mut found = Channels::new(ChannelReader::new(1, layout, ProcAddr(0)));
        for snapshot in snapshots([(0, HOT), (0, HOT + 96)].repeat(3)) {
            found.absorb(&snapshot);
        }
        let free = |found: &Channels| found.free((ProbeName::ChanSend, None), |_| 7.0);
        assert_eq!(free(&found), None);
        let flow = Flow {
            ns: 1_000.0,
            sends: 50.0,
            ..Flow::default()
        };
        for channel in [HOT, HOT + 96] {
            let watched = found.watched.entry(channel).or_default();
            (0..20).for_each(|_| watched.take(Ok(flow)));
        }
        let told = free(&found).unwrap();
        assert!((told.rate - 2.0 * 0.05).abs() < 1e-9 && (told.windows - 7.0).abs() < 1e-9);
        let watched = found.watched.entry(HOT).or_default();
        for _ in 0..10 {
            watched.take(Err(Untold::TooQuick));
        }
        assert_eq!(free(&found), None);
    }
}
