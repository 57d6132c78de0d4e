//! The programs' maps in, a snapshot out. Nothing is reset: counters only grow, and user space keeps the
//! latest values, so that no reader can lose a count.

mod samples;

use std::{io, os::fd::AsFd as _};

use aya::maps::MapData;
use probe_ebpf::abi::{
    CHANGES_BITS, CHANGES_MASK, CallPath, Counters, Flight, FlightKey, MAX_BUCKETS, MAX_IN_FLIGHT,
    MAX_ROWS, Row, SLOTS_SHIFT, Slot, USUAL_BUCKETS, split_bucket_key,
};

use crate::{
    aggregate::{ChannelOf, Path, Snapshot, Totals},
    attach::Maps,
    bpf_batch::read_all,
    plan::PROBE_NAMES,
};

pub use self::samples::samples;

/// Why the maps can't be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to read map `{map}`")]
pub struct DrainError {
    map: &'static str,
    source: io::Error,
}

fn read<K: aya::Pod + Default, V: aya::Pod + Default>(
    name: &'static str,
    map: &MapData,
    limit: usize,
) -> Result<Vec<(K, V)>, DrainError> {
    read_all(map.fd().as_fd(), limit).map_err(|source| DrainError { map: name, source })
}

/// Reads everything once. The paths of rows that `knows_path` are not read again.
pub fn drain(maps: &Maps, knows_path: &dyn Fn(u32) -> bool) -> Result<Snapshot, DrainError> {
    let mut snapshot = counts(maps, knows_path)?;
    if !snapshot.totals.is_empty() {
        snapshot.buckets = buckets(maps)?;
    }
    Ok(snapshot)
}

/// Reads everything but the histograms, which take as long to read as all the rest takes several times.
pub fn counts(maps: &Maps, knows_path: &dyn Fn(u32) -> bool) -> Result<Snapshot, DrainError> {
    let mut snapshot = rows(maps, knows_path)?;
    let counters: Vec<(u32, Counters)> = read("COUNTERS", &maps.counters, PROBE_NAMES.len())?;
    snapshot.counters = counters
        .into_iter()
        .map(|(_, counters)| counters.lost)
        .collect();
    Ok(snapshot)
}

fn buckets(maps: &Maps) -> Result<Vec<(u32, u32, u64)>, DrainError> {
    let usual = USUAL_BUCKETS as usize;
    let mut counts: Vec<(u32, u64)> = read("BUCKETS", &maps.buckets, usual)?;
    if counts.len() >= usual {
        let more = read("MORE_BUCKETS", &maps.more_buckets, MAX_BUCKETS as usize)?;
        counts.extend(more);
    }
    let bucket = |(key, count)| {
        let (row, bucket) = split_bucket_key(key);
        (row, bucket, count)
    };
    Ok(counts.into_iter().map(bucket).collect())
}

/// Reads the totals and the paths only.
pub fn rows(maps: &Maps, knows_path: &dyn Fn(u32) -> bool) -> Result<Snapshot, DrainError> {
    let handed_out: Vec<(u32, u64)> = read("N_ROWS", &maps.n_rows, 1)?;
    let n_rows = handed_out
        .first()
        .map_or(0, |&(_, n)| n.min(u64::from(MAX_ROWS))) as usize;
    let mut snapshot = Snapshot::default();
    if n_rows > 0 {
        let rows: Vec<(u32, Row)> = read("ROWS", &maps.rows, n_rows)?;
        snapshot.totals = rows
            .iter()
            .map(|(row, totals)| (*row, Totals::from(totals)))
            .collect();
        snapshot.channels = rows
            .iter()
            .filter(|(_, row)| row.channel != 0)
            .map(|(number, row)| (*number, channel_of(row)))
            .collect();
        let unknown = |row: u32, totals: &Totals| totals.hits > 0 && !knows_path(row);
        let wanted: Vec<u32> = snapshot
            .totals
            .iter()
            .filter(|(row, totals)| unknown(**row, totals))
            .map(|(row, _)| *row)
            .collect();
        if !wanted.is_empty() {
            let paths: Vec<(u32, CallPath)> = read("CALL_PATHS", &maps.call_paths, n_rows)?;
            snapshot.paths = paths
                .iter()
                .filter(|(row, _)| wanted.binary_search(row).is_ok())
                .filter_map(|(row, path)| Some((*row, Path::from_abi(path)?)))
                .collect();
        }
    }
    Ok(snapshot)
}

fn channel_of(row: &Row) -> ChannelOf {
    ChannelOf {
        last: row.channel,
        before: row.channel_before >> CHANGES_BITS,
        changes: (row.channel_before & CHANGES_MASK) as u16,
        hits: row.hits,
    }
}

/// Reads the operations in flight.
pub fn in_flight(maps: &Maps) -> Result<Vec<(FlightKey, Flight)>, DrainError> {
    let mut flights = read("IN_FLIGHT", &maps.in_flight, MAX_IN_FLIGHT as usize)?;
    let slots: Vec<(u32, Slot)> = read("SLOTS", &maps.slots, 1 << SLOTS_SHIFT)?;
    flights.extend(slots.iter().filter_map(|(_, slot)| slot.taken()));
    Ok(flights)
}
