//! Snapshots in, profile out: the latest totals of every call path. Pure; replays recordings as well.

mod histogram;

use std::collections::BTreeMap;

pub use histogram::Buckets;
use probe_ebpf::{
    abi::{self, lost},
    bucket::N_BUCKETS,
};
use serde::{Deserialize, Serialize};

use crate::{address::VirtAddr, plan::ProbeName};

/// The state of the kernel's maps at one moment. Values are totals since the programs were attached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// By row.
    pub totals: BTreeMap<u32, Totals>,
    /// Paths of rows that were not known before.
    pub paths: BTreeMap<u32, Path>,
    /// Row, bucket, count.
    pub buckets: Vec<(u32, u32, u64)>,
    /// Hits without a row, lost for a reason: by probe and reason.
    pub counters: Vec<[u64; lost::N]>,
}

impl Snapshot {
    /// Returns whether the kernel's maps have room for it: a recording may claim anything.
    pub fn is_possible(&self) -> bool {
        let is_row = |row: &u32| *row < abi::MAX_ROWS;
        self.totals.keys().all(is_row)
            && self.paths.keys().all(is_row)
            && (self.paths.values()).all(|path| path.frames.len() <= abi::MAX_FRAMES)
            && (self.buckets.iter()).all(|(row, bucket, _)| is_row(row) && *bucket < N_BUCKETS)
            && self.counters.len() <= abi::MAX_PROBES as usize
    }
}

/// Totals of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub hits: u64,
    pub completed: u64,
    pub bytes: u64,
    pub sum_ns: u64,
    pub min_ns: u64,
    pub max_ns: u64,
    /// Completed operations that met the probe's condition, for example came back empty.
    #[serde(default)]
    pub noted: u64,
    pub lost: [u64; lost::N],
}

impl From<&abi::Row> for Totals {
    fn from(row: &abi::Row) -> Self {
        Self {
            hits: row.hits,
            completed: row.completed,
            bytes: row.bytes,
            sum_ns: row.sum_ns,
            min_ns: u64::MAX - row.inverted_min_ns,
            max_ns: row.max_ns,
            noted: row.noted,
            lost: row.lost,
        }
    }
}

impl Totals {
    /// Returns the operations that began and neither ended nor were lost.
    pub fn open(&self) -> u64 {
        self.hits
            .saturating_sub(self.completed)
            .saturating_sub(sum(&self.lost))
    }
}

/// Adds up counts; those of a recording may be of any size.
pub(crate) fn sum(counts: &[u64]) -> u64 {
    counts.iter().copied().fold(0, u64::saturating_add)
}

/// The call path of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Path {
    pub probe: String,
    /// What the runtime gave as the reason; 0 where it gives none.
    pub reason: u8,
    /// What the operations were about, `probe_ebpf::abi::detail`; 0 where the probe gives nothing.
    #[serde(default)]
    pub detail: u64,
    /// The detail in words, where only the binary tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Return addresses as virtual addresses of the file, innermost first.
    pub frames: Vec<u64>,
}

impl Path {
    /// Returns the path as the kernel wrote it, or `None` for a probe that does not exist.
    pub fn from_abi(path: &abi::CallPath) -> Option<Self> {
        let n_frames = (path.n_frames as usize).min(abi::MAX_FRAMES);
        Some(Self {
            probe: ProbeName::from_index(path.probe)?.as_str().to_owned(),
            reason: path.reason,
            detail: path.detail,
            what: None,
            frames: path.frames.get(..n_frames)?.to_vec(),
        })
    }

    /// Returns the address to look each frame up with: one byte before the return address lies in the call.
    pub fn call_addresses(&self) -> impl Iterator<Item = VirtAddr> {
        self.frames.iter().map(|pc| VirtAddr(pc.wrapping_sub(1)))
    }
}

/// Everything that was counted so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub rows: BTreeMap<u32, Row>,
    pub counters: Vec<[u64; lost::N]>,
}

/// One call path with its totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub path: Option<Path>,
    pub totals: Totals,
    pub buckets: Buckets,
}

impl Profile {
    /// Takes over the totals of `snapshot`, which is later than all before.
    pub fn merge(&mut self, snapshot: Snapshot) {
        for (row, totals) in snapshot.totals {
            if totals.hits > 0 {
                self.rows.entry(row).or_default().totals = totals;
            }
        }
        for (row, path) in snapshot.paths {
            self.rows.entry(row).or_default().path = Some(path);
        }
        for (row, bucket, count) in snapshot.buckets {
            self.rows.entry(row).or_default().buckets.set(bucket, count);
        }
        self.counters = snapshot.counters;
    }

    /// Returns whether the path of `row` is known.
    pub fn knows_path(&self, row: u32) -> bool {
        self.rows.get(&row).is_some_and(|row| row.path.is_some())
    }

    /// Returns what `snapshot` changes: the part that a recording has to keep.
    pub fn changes(&self, snapshot: &Snapshot) -> Snapshot {
        let row_of = |row: u32| self.rows.get(&row);
        Snapshot {
            totals: snapshot
                .totals
                .iter()
                .filter(|(row, totals)| {
                    totals.hits > 0 && row_of(**row).is_none_or(|known| known.totals != **totals)
                })
                .map(|(row, totals)| (*row, *totals))
                .collect(),
            paths: snapshot.paths.clone(),
            buckets: snapshot
                .buckets
                .iter()
                .filter(|(row, bucket, count)| {
                    row_of(*row).is_none_or(|known| known.buckets.get(*bucket) != *count)
                })
                .copied()
                .collect(),
            counters: snapshot.counters.clone(),
        }
    }

    /// Returns the total number of hits.
    pub fn hits(&self) -> u64 {
        let of_rows = self.rows.values().map(|row| row.totals.hits);
        let without_row = self.counters.iter().map(|lost| sum(lost));
        of_rows.chain(without_row).fold(0, u64::saturating_add)
    }
}
