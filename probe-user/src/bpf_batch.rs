//! Whole maps in few system calls: `BPF_MAP_LOOKUP_BATCH` and `BPF_MAP_UPDATE_BATCH` (Linux 5.6).
//!
//! aya reads a map entry by entry, two system calls each; a drain of 20 000 histogram buckets a second would
//! then cost several per cent of a CPU.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd},
};

use aya::Pod;

/// Commands of bpf(2), include/uapi/linux/bpf.h.
const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;
const BPF_MAP_UPDATE_BATCH: libc::c_long = 26;
const BPF_MAP_DELETE_BATCH: libc::c_long = 27;

/// Entries per call.
const CHUNK: usize = 4096;

/// The `batch` member of `union bpf_attr`.
#[repr(C)]
#[derive(Default)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

fn bpf(command: libc::c_long, attr: &mut BatchAttr) -> io::Result<()> {
    // SAFETY: `attr` is a valid `union bpf_attr` of the size that is passed; the buffers that it names hold
    // `count` entries (asserted by the callers' types).
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            &raw mut *attr,
            size_of::<BatchAttr>(),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Reads all entries of a hash or array map. Entries that change meanwhile are seen before or after the
/// change, entries of a hash map that are added or deleted meanwhile may be missed.
pub(crate) fn read_all<K: Pod + Default, V: Pod + Default>(
    map: BorrowedFd<'_>,
    limit: usize,
) -> io::Result<Vec<(K, V)>> {
    let mut entries = Vec::new();
    // A hash map's position is a bucket number, an array's the last key: four bytes both.
    let mut position = 0_u32;
    let mut first = true;
    let mut chunk = CHUNK.min(limit.max(1));
    while entries.len() < limit {
        let mut keys = vec![K::default(); chunk];
        let mut values = vec![V::default(); chunk];
        let mut next = 0_u32;
        let mut attr = BatchAttr {
            in_batch: if first {
                0
            } else {
                (&raw const position) as u64
            },
            out_batch: (&raw mut next) as u64,
            keys: keys.as_mut_ptr() as u64,
            values: values.as_mut_ptr() as u64,
            count: chunk as u32,
            map_fd: map.as_raw_fd() as u32,
            ..BatchAttr::default()
        };
        let done = match bpf(BPF_MAP_LOOKUP_BATCH, &mut attr) {
            Ok(()) => false,
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
            // A bucket of the hash map holds more entries than there was room for.
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) && chunk < limit => {
                chunk = (chunk * 2).min(limit);
                continue;
            }
            Err(error) => return Err(error),
        };
        let n = (attr.count as usize).min(chunk);
        entries.extend(keys.into_iter().zip(values).take(n));
        if done {
            break;
        }
        position = next;
        first = false;
    }
    Ok(entries)
}

/// Deletes entries of a hash map.
pub(crate) fn delete(map: BorrowedFd<'_>, keys: &[u32]) -> io::Result<()> {
    for chunk in keys.chunks(CHUNK) {
        let mut attr = BatchAttr {
            keys: chunk.as_ptr() as u64,
            count: chunk.len() as u32,
            map_fd: map.as_raw_fd() as u32,
            ..BatchAttr::default()
        };
        bpf(BPF_MAP_DELETE_BATCH, &mut attr)?;
    }
    Ok(())
}

/// Writes `values` to an array map, from index 0 on.
pub(crate) fn write_array<V: Pod>(map: BorrowedFd<'_>, values: &[V]) -> io::Result<()> {
    let mut first = 0_u32;
    for chunk in values.chunks(CHUNK) {
        let keys: Vec<u32> = (first..).take(chunk.len()).collect();
        let mut attr = BatchAttr {
            keys: keys.as_ptr() as u64,
            values: chunk.as_ptr() as u64,
            count: chunk.len() as u32,
            map_fd: map.as_raw_fd() as u32,
            ..BatchAttr::default()
        };
        bpf(BPF_MAP_UPDATE_BATCH, &mut attr)?;
        first += chunk.len() as u32;
    }
    Ok(())
}
