//! Which channels are used most, and how often while no probe is on.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use probe_ebpf::abi::channel;

use crate::{
    address::ProcAddr,
    aggregate::{ChannelOf, Free, Path, Progress, Snapshot},
    plan::ProbeName,
    state::{ChannelReader, Distances, Doubt, Flow, Untold},
};

/// Operations of a row that are worth a look at their channels.
const WORTHWHILE: u64 = 100;
/// A row's channels are known once so many were seen, the same ones among them.
const TELLING: u64 = 4;
/// The part of a row that has to be on channels that were seen before, and of a channel to be of rows that are known.
const SURE: f64 = 0.9;
/// Channels of one row that are told apart, and of one probe that are looked at.
const MAX_OF_ROW: usize = 32;
const MAX_OF_PROBE: usize = 8;
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
    /// By row.
    uses: BTreeMap<u32, Uses>,
    /// By address.
    watched: BTreeMap<u64, Watched>,
    turn: u64,
}

/// Which channels a row is on.
#[derive(Debug)]
struct Uses {
    probe: ProbeName,
    hits: u64,
    changes: u16,
    /// How often each was seen, at the moments that were looked at, and all of them together.
    of: BTreeMap<u64, u64>,
    seen: u64,
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
    too_quick: u64,
    is_untellable: bool,
}

/// The channels that rows of a probe are on, and no other rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    channels: BTreeSet<u64>,
    /// Which part of them is on these.
    pub(super) rows: BTreeMap<u32, f64>,
}

impl Channels {
    pub(super) fn new(reader: ChannelReader) -> Self {
        Self {
            reader,
            uses: BTreeMap::new(),
            watched: BTreeMap::new(),
            turn: 0,
        }
    }

    /// Takes over which channels rows are on by now.
    pub(super) fn absorb(&mut self, snapshot: &Snapshot) {
        for (row, path) in &snapshot.paths {
            if let Some(probe) = waiting(path) {
                self.uses.entry(*row).or_insert(Uses {
                    probe,
                    hits: 0,
                    changes: 0,
                    of: BTreeMap::new(),
                    seen: 0,
                });
            }
        }
        for (row, now) in &snapshot.channels {
            if let Some(uses) = self.uses.get_mut(row) {
                uses.add(*now);
            }
        }
    }

    /// Returns the channels that a probe's operations are on, where those are few.
    pub(super) fn known(&self, probe: ProbeName) -> Option<Known> {
        let of_probe = || self.uses.iter().filter(|(_, uses)| uses.probe == probe);
        let mut rows: Vec<_> = of_probe().collect();
        rows.sort_by_key(|(_, uses)| Reverse(uses.hits));
        let mut known = Known::default();
        for (row, uses) in rows {
            let Some((channels, part)) = uses.known() else {
                continue;
            };
            let all: BTreeSet<u64> = known.channels.iter().copied().chain(channels).collect();
            if all.len() <= MAX_OF_PROBE {
                known.channels = all;
                known.rows.insert(*row, part);
            }
        }
        // What others do on them would be counted and not be divided by.
        let hits_of = |is_known: bool| -> f64 {
            let rows = of_probe().filter(|(row, _)| known.rows.contains_key(row) == is_known);
            rows.map(|(_, uses)| uses.hits_on(&known.channels)).sum()
        };
        let is_sure = hits_of(false) <= (1.0 - SURE) * hits_of(true);
        (is_sure && !known.rows.is_empty()).then_some(known)
    }

    /// Looks at the channel that was looked at least, while none of its probes is on: which is what `is_free` tells before
    /// and after.
    pub(super) fn look(&mut self, known: &[Known], is_free: impl Fn() -> bool) {
        let has_room = self.watched.len() < MAX_WATCHED;
        let tries = |channel: &u64| self.watched.get(channel).map_or(0, |watched| watched.tries);
        let may_tell = |channel: &u64| match self.watched.get(channel) {
            Some(watched) => !watched.is_untellable,
            None => has_room,
        };
        let channels = known
            .iter()
            .flat_map(|known| known.channels.iter().copied());
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

    /// Returns how often there were sends to them, or receives from them; nothing where one of them does not tell.
    pub(super) fn seen(&self, known: &Known, probe: ProbeName) -> Option<Free> {
        let mut sum = Free::default();
        for channel in &known.channels {
            let watched = self.watched.get(channel)?;
            if watched.is_untellable || watched.looks < LEAST_LOOKS || watched.is_too_quick() {
                return None;
            }
            let progress = match probe {
                ProbeName::ChanRecv => &watched.receives,
                _ => &watched.sends,
            };
            sum.add(progress, watched.doubt.factors());
            sum.waited = sum.waited.max(watched.waited());
            sum.waited_at = sum.waited_at.max(watched.waited_at());
        }
        Some(sum)
    }
}

/// Returns the probe of operations that wait until there is an element, or room for one: those that don't may have done
/// nothing.
fn waiting(path: &Path) -> Option<ProbeName> {
    let probe = ProbeName::from_name(&path.probe)?;
    let waits = match probe {
        ProbeName::ChanSend => path.detail & channel::BLOCKING != 0,
        ProbeName::ChanRecv => path.detail != 0,
        _ => false,
    };
    waits.then_some(probe)
}

impl Uses {
    fn add(&mut self, now: ChannelOf) {
        if now.hits <= self.hits {
            return;
        }
        self.hits = now.hits;
        self.sees(now.last);
        // After one change it is the last that was seen before.
        if now.changes.wrapping_sub(self.changes) > 1 {
            self.sees(now.before);
        }
        self.changes = now.changes;
    }

    fn sees(&mut self, channel: u64) {
        self.seen += 1;
        if self.of.len() < MAX_OF_ROW || self.of.contains_key(&channel) {
            *self.of.entry(channel).or_default() += 1;
        }
    }

    /// Returns the channels that it is on, and which part of it is on them: all but those that were seen once, of which
    /// there may be any number (Good 1953, The population frequencies of species).
    fn known(&self) -> Option<(impl Iterator<Item = u64>, f64)> {
        let again = || self.of.iter().filter(|(_, n)| **n > 1);
        let part = self.part(again());
        let is_known = self.hits >= WORTHWHILE && self.seen >= TELLING && part >= SURE;
        is_known.then(|| (again().map(|(channel, _)| *channel), part))
    }

    fn hits_on(&self, channels: &BTreeSet<u64>) -> f64 {
        let on = self.of.iter().filter(|(of, _)| channels.contains(of));
        self.hits as f64 * self.part(on)
    }

    /// Returns the part of all that was seen which was on some of the channels.
    fn part<'a>(&self, some: impl Iterator<Item = (&'a u64, &'a u64)>) -> f64 {
        some.map(|(_, n)| n).sum::<u64>() as f64 / self.seen.max(1) as f64
    }
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
        ((self.waited_at as f64 + NONE_AT_MOST) / self.looks.max(1) as f64).min(1.0)
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
    use super::*;
    use crate::state::ChannelLayout;

    const HOT: u64 = 0xc000_0000;

    /// At each moment: a row, and the channel that its last operation was on.
    fn channels(moments: impl IntoIterator<Item = (u32, u64)>) -> Channels {
        let layout = ChannelLayout {
            sendx: 48,
            tracking_seq: None,
        };
        let mut channels = Channels::new(ChannelReader::new(1, layout, ProcAddr(0)));
        let mut hits: BTreeMap<u32, u64> = BTreeMap::new();
        for (row, last) in moments {
            let hits = hits.entry(row).or_default();
            *hits += WORTHWHILE;
            let mut snapshot = Snapshot::default();
            let of = ChannelOf {
                last,
                hits: *hits,
                ..ChannelOf::default()
            };
            snapshot.channels.insert(row, of);
            snapshot.paths.insert(row, sends(channel::BLOCKING));
            channels.absorb(&snapshot);
        }
        channels
    }

    fn known(channels: &Channels) -> Option<Vec<u64>> {
        let known = channels.known(ProbeName::ChanSend)?;
        Some(known.channels.into_iter().collect())
    }

    fn sends(detail: u64) -> Path {
        Path {
            probe: ProbeName::ChanSend.as_str().to_owned(),
            reason: 0,
            detail,
            what: None,
            calls_others: None,
            role: 0,
            element_read: None,
            frames: Vec::new(),
        }
    }

    #[test]
    fn channels_that_come_again_and_again_are_known() {
        let found = channels([(0, HOT), (1, HOT + 96), (0, HOT), (1, HOT + 96)].repeat(3));
        assert_eq!(known(&found), Some(vec![HOT, HOT + 96]));
        let rows = found.known(ProbeName::ChanSend).unwrap().rows;
        assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(0, 1.0), (1, 1.0)]);
        assert_eq!(found.known(ProbeName::ChanRecv), None);
    }

    #[test]
    fn rows_on_many_channels_are_not() {
        assert_eq!(known(&channels((0..40).map(|n| (0, HOT + n * 96)))), None);
        // Each is seen three times, but there are more than can be looked at.
        assert_eq!(
            known(&channels((0..40).map(|n| (0, HOT + n / 3 * 96)))),
            None
        );
        // Two moments don't tell that there is no other.
        assert_eq!(known(&channels([(0, HOT), (0, HOT)])), None);
    }

    #[test]
    fn a_channel_that_others_send_to_as_well_tells_nothing() {
        let alone = || [(0, HOT)].repeat(6);
        assert_eq!(known(&channels(alone())), Some(vec![HOT]));
        let other = [(1, HOT), (1, HOT + 96), (1, HOT), (1, HOT + 192)];
        assert_eq!(known(&channels(alone().into_iter().chain(other))), None);
    }

    #[test]
    fn sends_that_may_do_nothing_are_left_out() {
        assert_eq!(waiting(&sends(8)), None);
        assert_eq!(
            waiting(&sends(8 | channel::BLOCKING)),
            Some(ProbeName::ChanSend)
        );
    }

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
        let mut found = channels([(0, HOT), (0, HOT + 96)].repeat(3));
        let known = found.known(ProbeName::ChanSend).unwrap();
        let seen = |found: &Channels| found.seen(&known, ProbeName::ChanSend);
        assert_eq!(seen(&found), None);
        let flow = Flow {
            ns: 1_000.0,
            sends: 50.0,
            ..Flow::default()
        };
        for channel in &known.channels {
            let watched = found.watched.entry(*channel).or_default();
            (0..20).for_each(|_| watched.take(Ok(flow)));
        }
        assert!((seen(&found).unwrap().rate - 2.0 * 0.05).abs() < 1e-9);
        let watched = found.watched.entry(HOT).or_default();
        for _ in 0..10 {
            watched.take(Err(Untold::TooQuick));
        }
        assert_eq!(seen(&found), None);
    }
}
