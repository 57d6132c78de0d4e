//! Snapshots in, profile out: the latest totals of every call path. Pure; replays recordings as well.

mod histogram;
mod sampling;
mod timeline;

use std::{collections::BTreeMap, sync::Arc};

pub use histogram::Buckets;
use probe_ebpf::{
    abi::{self, lost},
    bucket::N_BUCKETS,
};
pub use sampling::{
    Beside, Free, Inside, Outside, ProbeSampling, Progress, Reference, RowSampling, Sampling, Seen,
    Slice, part_of,
};
use serde::{Deserialize, Serialize};
pub use timeline::{Growth, Timeline};

use crate::{address::VirtAddr, plan::ProbeName};

/// The state of the kernel's maps at one moment. Values are totals since the programs were attached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// By row.
    pub totals: BTreeMap<u32, Totals>,
    /// Paths of rows that were not known before.
    pub paths: BTreeMap<u32, Path>,
    /// Row, bucket, count.
    pub buckets: Vec<(u32, u32, u64)>,
    /// By row: which channel its operations are on.
    #[serde(skip)]
    pub channels: BTreeMap<u32, ChannelOf>,
    /// Hits without a row, lost for a reason: by probe and reason.
    pub counters: Vec<[u64; lost::N]>,
    /// Sums over the windows of probes that are not always on, as far as they changed.
    #[serde(default)]
    pub sampling: Sampling,
    #[serde(default)]
    pub spending: Option<Spending>,
}

/// Which channel the operations of a row are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelOf {
    /// Address in the process of that of the last one.
    pub last: u64,
    /// That of the last one that was on another, and how often there was another one than before, around.
    pub before: u64,
    pub changes: u16,
    pub hits: u64,
}

/// What the probes cost the target so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spending {
    /// CPU time that they took, in nanoseconds: hits, comings and goings, and CPU samples, at this host's prices.
    pub probes_ns: f64,
    /// CPU time of the target, what the probes took included.
    pub target_ns: u64,
    /// How many of its system calls returned, where that can be read.
    #[serde(default)]
    pub syscalls: Option<u64>,
    /// How many goroutines were started, where that can be read.
    #[serde(default)]
    pub goroutines: Option<u64>,
    /// Which probe took how much of `probes_ns`.
    #[serde(default)]
    pub of_probes_ns: BTreeMap<String, f64>,
}

impl Snapshot {
    /// Returns whether the kernel's maps have room for it: a recording may claim anything.
    pub fn is_possible(&self) -> bool {
        let is_row = |row: &u32| *row < abi::MAX_ROWS;
        let is_role = |role: &u16| u32::from(*role) < abi::N_ROLES;
        self.totals.keys().all(is_row)
            && self.paths.keys().all(is_row)
            && (self.paths.values()).all(|path| path.frames.len() <= abi::MAX_FRAMES)
            && (self.buckets.iter()).all(|(row, bucket, _)| is_row(row) && *bucket < N_BUCKETS)
            && self.counters.len() <= abi::MAX_PROBES as usize
            && self.sampling.rows.keys().all(is_row)
            && self.sampling.probes.len() <= abi::MAX_PROBES as usize
            && self.sampling.roles.len() <= abi::MAX_PROBES as usize
            && (self.sampling.roles.values()).all(|roles| roles.keys().all(is_role))
            && (self.spending.iter())
                .all(|spending| spending.of_probes_ns.len() <= abi::MAX_PROBES as usize)
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
    /// Returns the operations that told how many bytes they are: what ended without a begin that was seen did not.
    pub fn sized(&self) -> u64 {
        self.hits.saturating_sub(self.lost[lost::ORPHAN])
    }

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
    /// Whether the function that the detail is calls others; `None` where it is none, or not of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls_others: Option<bool>,
    /// Bytes of a map's element that are read where it is looked up; `None` where that is not known, and where all of
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element_read: Option<u64>,
    /// Of the goroutine that was there first (`probe_ebpf::abi::role_of`); 0: not known.
    #[serde(default)]
    pub role: u16,
    /// Return addresses as virtual addresses of the file, innermost first.
    pub frames: Vec<u64>,
}

impl Path {
    /// Returns the path as the kernel wrote it, or `None` for a probe that does not exist.
    pub fn from_abi(path: &abi::CallPath) -> Option<Self> {
        let frames = path.frames.iter().take(path.n_frames as usize);
        let inner = Some(&path.inner).filter(|inner| **inner != 0);
        Some(Self {
            probe: ProbeName::from_index(path.probe)?.as_str().to_owned(),
            reason: path.reason,
            detail: path.detail,
            what: None,
            calls_others: None,
            role: path.role,
            element_read: None,
            frames: inner
                .into_iter()
                .chain(frames)
                .copied()
                .take(abi::MAX_FRAMES)
                .collect(),
        })
    }

    /// Returns the address to look each frame up with: one byte before the return address lies in the call.
    pub fn call_addresses(&self) -> impl Iterator<Item = VirtAddr> {
        self.frames.iter().map(|pc| VirtAddr(pc.wrapping_sub(1)))
    }
}

/// Everything that was counted so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    pub rows: BTreeMap<u32, Row>,
    pub counters: Vec<[u64; lost::N]>,
    pub sampling: Sampling,
    pub spending: Option<Spending>,
    pub timeline: Timeline,
}

/// One call path with its totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub path: Option<Arc<Path>>,
    pub totals: Totals,
    pub buckets: Buckets,
}

impl Profile {
    /// Takes over the totals of `snapshot`, made `elapsed_ns` after the window's start, and adds what is more
    /// of them to the time line. Hits without a row are not part of it.
    pub fn merge_at(&mut self, elapsed_ns: u64, snapshot: Snapshot) {
        let rows = &self.rows;
        let row = |number: u32| {
            let known = rows.get(&number);
            let known_path = || known.and_then(|row| row.path.as_deref());
            let path = snapshot.paths.get(&number).or_else(known_path)?;
            Some((
                path.probe.as_str(),
                known.map(|row| row.totals).unwrap_or_default(),
            ))
        };
        self.timeline.add(elapsed_ns, &snapshot, row);
        self.merge(snapshot);
    }

    /// Takes over the totals of `snapshot`, which is later than all before.
    pub fn merge(&mut self, snapshot: Snapshot) {
        for (row, totals) in snapshot.totals {
            if totals.hits > 0 {
                self.rows.entry(row).or_default().totals = totals;
            }
        }
        for (row, path) in snapshot.paths {
            self.rows.entry(row).or_default().path = Some(Arc::new(path));
        }
        for (row, bucket, count) in snapshot.buckets {
            self.rows.entry(row).or_default().buckets.set(bucket, count);
        }
        self.counters = snapshot.counters;
        self.sampling.merge(snapshot.sampling);
        self.spending = snapshot.spending.or(self.spending.take());
    }

    /// Returns whether the path of `row` is known.
    pub fn knows_path(&self, row: u32) -> bool {
        self.rows.get(&row).is_some_and(|row| row.path.is_some())
    }

    /// Reduces `snapshot` to what it changes: the part that a recording has to keep, and to merge.
    pub fn changes(&self, mut snapshot: Snapshot) -> Snapshot {
        let row_of = |row: u32| self.rows.get(&row);
        snapshot.totals.retain(|row, totals| {
            totals.hits > 0 && row_of(*row).is_none_or(|known| known.totals != *totals)
        });
        snapshot.buckets.retain(|&(row, bucket, count)| {
            row_of(row).is_none_or(|known| known.buckets.get(bucket) != count)
        });
        snapshot
    }

    /// Returns the total number of hits.
    pub fn hits(&self) -> u64 {
        let of_rows = self.rows.values().map(|row| row.totals.hits);
        let without_row = self.counters.iter().map(|lost| sum(lost));
        of_rows.chain(without_row).fold(0, u64::saturating_add)
    }
}
