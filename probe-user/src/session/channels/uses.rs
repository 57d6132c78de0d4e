//! Which channels the operations of a program's rows are on.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use probe_ebpf::abi::{NO_ROLE, channel};

use crate::{
    aggregate::{ChannelOf, Path, Snapshot},
    plan::ProbeName,
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

/// The rows of a probe: all of them, or those of goroutines of one role.
pub(in crate::session) type Whose = (ProbeName, Option<u16>);

/// By row.
#[derive(Debug, Default)]
pub(super) struct AllUses(BTreeMap<u32, Uses>);

/// Which channels a row is on.
#[derive(Debug)]
struct Uses {
    probe: ProbeName,
    role: u16,
    hits: u64,
    changes: u16,
    /// How often each was seen, at the moments that were looked at, and all of them together.
    of: BTreeMap<u64, u64>,
    seen: u64,
}

/// The channels that some rows of a probe are on, and no others.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Known {
    pub(super) channels: BTreeSet<u64>,
    /// Which part of them is on these.
    pub(super) rows: BTreeMap<u32, f64>,
}

impl AllUses {
    /// Takes over which channels rows are on by now.
    pub(super) fn absorb(&mut self, snapshot: &Snapshot) {
        for (row, path) in &snapshot.paths {
            if let Some(probe) = waiting(path) {
                self.0.entry(*row).or_insert(Uses {
                    probe,
                    role: path.role,
                    hits: 0,
                    changes: 0,
                    of: BTreeMap::new(),
                    seen: 0,
                });
            }
        }
        for (row, now) in &snapshot.channels {
            if let Some(uses) = self.0.get_mut(row) {
                uses.add(*now);
            }
        }
    }

    /// Returns the channels that a probe's operations are on, those of all its rows and of each role, where they are few.
    pub(super) fn known(&self, probe: ProbeName) -> BTreeMap<Whose, Known> {
        let mut rows: Vec<_> = (self.0.iter())
            .filter(|(_, uses)| uses.probe == probe)
            .collect();
        rows.sort_by_key(|(_, uses)| Reverse(uses.hits));
        let mut by_channel: BTreeMap<u64, f64> = BTreeMap::new();
        let mut by_role: BTreeMap<Option<u16>, Vec<(u32, &Uses)>> = BTreeMap::new();
        for (row, uses) in rows {
            for (channel, hits) in uses.hits_on_each() {
                *by_channel.entry(channel).or_default() += hits;
            }
            by_role.entry(None).or_default().push((*row, uses));
            if uses.role != NO_ROLE {
                by_role
                    .entry(Some(uses.role))
                    .or_default()
                    .push((*row, uses));
            }
        }
        let known = by_role.into_iter().map(|(role, rows)| {
            let known = Known::of(&rows, &by_channel)?;
            Some(((probe, role), known))
        });
        known.flatten().collect()
    }
}

impl Known {
    /// `by_channel`: the operations on each, of whatever row.
    fn of(rows: &[(u32, &Uses)], by_channel: &BTreeMap<u64, f64>) -> Option<Self> {
        let mut known = Self::default();
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
        let of_known = rows.iter().filter(|(row, _)| known.rows.contains_key(row));
        let own: f64 = of_known
            .map(|(_, uses)| uses.hits_on(&known.channels))
            .sum();
        let on = known.channels.iter().filter_map(|of| by_channel.get(of));
        let is_sure = on.sum::<f64>() - own <= (1.0 - SURE) * own;
        (is_sure && !known.rows.is_empty()).then_some(known)
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
        let on = self.hits_on_each().filter(|(of, _)| channels.contains(of));
        on.map(|(_, hits)| hits).sum()
    }

    fn hits_on_each(&self) -> impl Iterator<Item = (u64, f64)> {
        let each = self.hits as f64 / self.seen.max(1) as f64;
        self.of.iter().map(move |(of, n)| (*of, each * *n as f64))
    }

    /// Returns the part of all that was seen which was on some of the channels.
    fn part<'a>(&self, some: impl Iterator<Item = (&'a u64, &'a u64)>) -> f64 {
        some.map(|(_, n)| n).sum::<u64>() as f64 / self.seen.max(1) as f64
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const HOT: u64 = 0xc000_0000;

    /// At each moment: a row, which is of a role of its own, and the channel that its last operation was on.
    pub(in super::super) fn snapshots(
        moments: impl IntoIterator<Item = (u32, u64)>,
    ) -> impl Iterator<Item = Snapshot> {
        let mut hits: BTreeMap<u32, u64> = BTreeMap::new();
        moments.into_iter().map(move |(row, last)| {
            let hits = hits.entry(row).or_default();
            *hits += WORTHWHILE;
            let of = ChannelOf {
                last,
                hits: *hits,
                ..ChannelOf::default()
            };
            let path = Path {
                role: row as u16 + 1,
                ..sends(channel::BLOCKING)
            };
            let mut snapshot = Snapshot::default();
            snapshot.channels.insert(row, of);
            snapshot.paths.insert(row, path);
            snapshot
        })
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

    fn known(moments: impl IntoIterator<Item = (u32, u64)>) -> BTreeMap<Whose, Known> {
        let mut uses = AllUses::default();
        snapshots(moments).for_each(|snapshot| uses.absorb(&snapshot));
        assert_eq!(uses.known(ProbeName::ChanRecv), BTreeMap::new());
        uses.known(ProbeName::ChanSend)
    }

    fn channels(
        moments: impl IntoIterator<Item = (u32, u64)>,
        role: Option<u16>,
    ) -> Option<Vec<u64>> {
        let known = known(moments).remove(&(ProbeName::ChanSend, role))?;
        Some(known.channels.into_iter().collect())
    }

    #[test]
    fn channels_that_come_again_and_again_are_known() {
        let moments = || [(0, HOT), (1, HOT + 96), (0, HOT), (1, HOT + 96)].repeat(3);
        assert_eq!(channels(moments(), None), Some(vec![HOT, HOT + 96]));
        let all = known(moments()).remove(&(ProbeName::ChanSend, None));
        assert_eq!(all.unwrap().rows, BTreeMap::from([(0, 1.0), (1, 1.0)]));
    }

    #[test]
    fn rows_on_many_channels_are_not() {
        let each_once = (0..40).map(|n| (0, HOT + n * 96));
        assert_eq!(channels(each_once, None), None);
        // Each is seen three times, but there are more than can be looked at.
        let each_thrice = (0..40).map(|n| (0, HOT + n / 3 * 96));
        assert_eq!(channels(each_thrice, None), None);
        // Two moments don't tell that there is no other.
        assert_eq!(channels([(0, HOT), (0, HOT)], None), None);
    }

    #[test]
    fn a_channel_that_others_send_to_as_well_tells_nothing() {
        let alone = || [(0, HOT)].repeat(6);
        assert_eq!(channels(alone(), None), Some(vec![HOT]));
        let other = [(1, HOT), (1, HOT + 96), (1, HOT), (1, HOT + 192)];
        assert_eq!(channels(alone().into_iter().chain(other), None), None);
    }

    #[test]
    fn roles_may_have_channels_of_their_own() {
        let own = [(0, HOT), (1, HOT + 96)].repeat(6);
        assert_eq!(channels(own.clone(), Some(1)), Some(vec![HOT]));
        assert_eq!(channels(own, Some(2)), Some(vec![HOT + 96]));
        let shared = [(0, HOT), (1, HOT)].repeat(6);
        assert_eq!(channels(shared.clone(), Some(1)), None);
        assert_eq!(channels(shared, None), Some(vec![HOT]));
    }

    #[test]
    fn sends_that_may_do_nothing_are_left_out() {
        assert_eq!(waiting(&sends(8)), None);
        assert_eq!(
            waiting(&sends(8 | channel::BLOCKING)),
            Some(ProbeName::ChanSend)
        );
    }
}
