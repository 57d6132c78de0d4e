//! Which channels are used most, and how often while no probe is on.

use std::collections::BTreeMap;

use probe_ebpf::abi::channel;

use crate::{
    address::ProcAddr,
    aggregate::{ChannelOf, Free, Path, Progress, Snapshot},
    plan::ProbeName,
    state::{ChannelReader, Flow, Untold},
};

/// Operations of a row that are worth a look at their channel.
const WORTHWHILE: u64 = 100;
/// A row is on a channel if so much of it is.
const SURE: f64 = 0.9;
/// Channels of one row that are told apart.
const MAX_OF_ROW: usize = 8;
/// Channels that are looked at, ever.
const MAX_WATCHED: usize = 16;
/// One look in so many may find it too quick: what is left out is what comes most often.
const TELLING: u64 = 8;

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
}

/// Which channels a row is on.
#[derive(Debug)]
struct Uses {
    probe: ProbeName,
    latest: ChannelOf,
    hits: u64,
    of: BTreeMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Watched {
    sends: Progress,
    receives: Progress,
    /// Nobody knows how much slower it was while it was looked at.
    is_disturbed: bool,
    by_stops: bool,
    looks: u64,
    too_quick: u64,
    is_untellable: bool,
}

/// The channel that most of a probe's operations are on.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Busiest {
    channel: u64,
    /// By row: which part of it.
    pub(super) rows: BTreeMap<u32, f64>,
}

impl Channels {
    pub(super) fn new(reader: ChannelReader) -> Self {
        Self {
            reader,
            uses: BTreeMap::new(),
            watched: BTreeMap::new(),
        }
    }

    /// Takes over which channels rows are on by now.
    pub(super) fn absorb(&mut self, snapshot: &Snapshot) {
        for (row, path) in &snapshot.paths {
            if let Some(probe) = waiting(path) {
                self.uses.entry(*row).or_insert(Uses {
                    probe,
                    latest: ChannelOf::default(),
                    hits: 0,
                    of: BTreeMap::new(),
                });
            }
        }
        for (row, now) in &snapshot.channels {
            if let Some(uses) = self.uses.get_mut(row) {
                uses.add(*now);
            }
        }
    }

    /// Returns the channel that a probe's operations are on, where most are on the same.
    pub(super) fn busiest(&self, probe: ProbeName) -> Option<Busiest> {
        let of_probe = || self.uses.iter().filter(|(_, uses)| uses.probe == probe);
        let mut hits: BTreeMap<u64, u64> = BTreeMap::new();
        for (channel, n) in of_probe().flat_map(|(_, uses)| &uses.of) {
            *hits.entry(*channel).or_default() += n;
        }
        let (&channel, _) = hits.iter().max_by_key(|(_, n)| **n)?;
        let part = |uses: &Uses| {
            let part = *uses.of.get(&channel)? as f64 / uses.hits.max(1) as f64;
            (part >= SURE && uses.hits >= WORTHWHILE).then_some(part)
        };
        let rows: BTreeMap<u32, f64> = of_probe()
            .filter_map(|(row, uses)| Some((*row, part(uses)?)))
            .collect();
        // Those of other rows would be counted and not be divided by.
        let others: u64 = of_probe()
            .filter(|(row, _)| !rows.contains_key(row))
            .filter_map(|(_, uses)| uses.of.get(&channel))
            .sum();
        let of_rows = hits.get(&channel).copied().unwrap_or(0);
        let is_sure = others as f64 <= (1.0 - SURE) * of_rows as f64;
        (is_sure && !rows.is_empty()).then_some(Busiest { channel, rows })
    }

    /// Looks at a channel while none of its probes is on, which is what `is_free` tells before and after.
    pub(super) fn look(&mut self, busiest: &Busiest, is_free: impl FnOnce() -> bool) {
        if self.watched.len() >= MAX_WATCHED && !self.watched.contains_key(&busiest.channel) {
            return;
        }
        let watched = self.watched.entry(busiest.channel).or_default();
        if watched.is_untellable {
            return;
        }
        let found = self.reader.look(ProcAddr(busiest.channel));
        if is_free() {
            watched.take(found);
        }
    }

    /// Returns how often there were sends to it, or receives from it.
    pub(super) fn seen(&self, busiest: &Busiest, probe: ProbeName) -> Option<Free> {
        let watched = self.watched.get(&busiest.channel)?;
        let is_telling = !watched.is_untellable && watched.too_quick * TELLING <= watched.looks;
        let progress = match probe {
            ProbeName::ChanRecv => watched.receives,
            _ => watched.sends,
        };
        is_telling.then_some(Free {
            seen: progress,
            is_disturbed: watched.is_disturbed,
            by_stops: watched.by_stops,
            windows: 0.0,
        })
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

impl Busiest {
    /// Returns whether it is the channel of one of `others`.
    pub(super) fn is_of(&self, others: &[Self]) -> bool {
        others.iter().any(|other| other.channel == self.channel)
    }
}

impl Uses {
    fn add(&mut self, now: ChannelOf) {
        let hits = now.hits.saturating_sub(self.latest.hits);
        let same = now.same.saturating_sub(self.latest.same);
        self.latest = now;
        self.hits = self.hits.saturating_add(hits);
        // The first is on another one than the last of the window before, or there is none.
        let is_one = same.saturating_add(1) as f64 >= SURE * hits as f64;
        if hits > 0 && is_one && (self.of.len() < MAX_OF_ROW || self.of.contains_key(&now.last)) {
            *self.of.entry(now.last).or_default() += hits;
        }
    }
}

impl Watched {
    fn take(&mut self, found: Result<Flow, Untold>) {
        match found {
            Ok(flow) => {
                self.looks += 1;
                self.is_disturbed = flow.is_disturbed;
                self.by_stops = flow.by_stops;
                self.sends.add(&Progress::of(flow.ns, flow.sends));
                self.receives.add(&Progress::of(flow.ns, flow.receives));
            }
            Err(Untold::Now) => {}
            Err(Untold::More) => *self = Self::default(),
            Err(Untold::TooQuick) => self.too_quick += 1,
            Err(Untold::Ever) => self.is_untellable = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ChannelLayout;

    const HOT: u64 = 0xc000_0000;

    /// Each row: hits, those on the same channel as the one before, and the last one's channel.
    fn channels(rows: &[(u32, u64, u64, u64)]) -> Channels {
        let layout = ChannelLayout {
            sendx: 48,
            tracking_seq: None,
        };
        let mut channels = Channels::new(ChannelReader::new(1, layout, ProcAddr(0)));
        for (number, hits, same, last) in rows.iter().copied() {
            let mut snapshot = Snapshot::default();
            let of = ChannelOf { last, hits, same };
            snapshot.channels.insert(number, of);
            snapshot.paths.insert(number, sends(channel::BLOCKING));
            channels.absorb(&snapshot);
        }
        channels
    }

    fn sends(detail: u64) -> Path {
        Path {
            probe: ProbeName::ChanSend.as_str().to_owned(),
            reason: 0,
            detail,
            what: None,
            calls_others: None,
            element_read: None,
            frames: Vec::new(),
        }
    }

    #[test]
    fn rows_on_one_channel_are_compared_with_it() {
        let found = channels(&[(0, 1_000, 999, HOT), (1, 500, 499, HOT)]);
        let busiest = found.busiest(ProbeName::ChanSend).unwrap();
        assert_eq!(busiest.channel, HOT);
        assert_eq!(busiest.rows.keys().copied().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(found.busiest(ProbeName::ChanRecv), None);
    }

    #[test]
    fn rows_on_many_channels_are_not() {
        let found = channels(&[(0, 1_000, 400, HOT)]);
        assert_eq!(found.busiest(ProbeName::ChanSend), None);
        let in_turns = channels(&[(0, 1_000, 999, HOT), (0, 2_000, 1_998, HOT + 96)]);
        assert_eq!(in_turns.busiest(ProbeName::ChanSend), None);
    }

    #[test]
    fn a_channel_that_others_send_to_as_well_tells_nothing() {
        let others = [
            (0, 1_000, 999, HOT),
            (1, 600, 599, HOT),
            (1, 900, 700, HOT + 96),
        ];
        assert_eq!(channels(&others).busiest(ProbeName::ChanSend), None);
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
    fn a_channel_that_is_often_too_quick_tells_nothing() {
        let mut found = channels(&[(0, 1_000, 999, HOT)]);
        let busiest = found.busiest(ProbeName::ChanSend).unwrap();
        let watched = found.watched.entry(HOT).or_default();
        let flow = Flow {
            ns: 1_000.0,
            sends: 50.0,
            ..Flow::default()
        };
        for _ in 0..20 {
            watched.take(Ok(flow));
        }
        let seen = |found: &Channels| found.seen(&busiest, ProbeName::ChanSend);
        assert!((seen(&found).unwrap().seen.rate() - 0.05).abs() < 1e-9);
        let watched = found.watched.entry(HOT).or_default();
        for _ in 0..10 {
            watched.take(Err(Untold::TooQuick));
        }
        assert!(seen(&found).is_none());
    }
}
