//! The target's memory: bounded reads of words, records and scattered ranges, by `process_vm_readv`.
//!
//! The target runs on while it is read: what takes two reads may not belong together, and callers check.
//! Nothing is written, nothing stops; a page that was swapped out is brought back.

use std::{cell::Cell, io};

use crate::{
    address::{LoadBias, ProcAddr, VirtAddr},
    discover::{Liveness, Target},
    sys::{VM_RANGES, process_vm_read},
};

const PAGE: u64 = 4096;
/// Most bytes that one call asks for; the kernel copies page by page and looks up each.
const MAX_BATCH: usize = 4 << 20;
/// Most bytes that are read in one look at a target, so that no structure that a hostile one makes up can
/// keep the reader busy: 2 GB take about a second.
const MAX_TOTAL: u64 = 2 << 30;

/// A process whose memory is read.
#[derive(Debug)]
pub(super) struct Memory<'a> {
    target: &'a Target,
    bias: LoadBias,
    left: Cell<u64>,
}

impl<'a> Memory<'a> {
    pub(super) fn of(target: &'a Target, bias: LoadBias) -> Self {
        Self {
            target,
            bias,
            left: Cell::new(MAX_TOTAL),
        }
    }

    /// Tells whether everything read so far is of the process, and the program, that was identified.
    pub(super) fn is_of_target(&self) -> bool {
        self.target.is_same_process() == Liveness::Same
    }

    /// Returns the process's number, outside of any container.
    pub(super) fn pid(&self) -> u32 {
        self.target.pid
    }

    /// Returns where a variable of the file is.
    pub(super) fn address(&self, variable: VirtAddr) -> ProcAddr {
        variable.in_process(self.bias)
    }

    /// Returns an address of the process as the file has it.
    pub(super) fn in_file(&self, address: u64) -> VirtAddr {
        ProcAddr(address).in_file(self.bias)
    }

    /// Fills `into`, whole or not at all.
    pub(super) fn read(&self, from: ProcAddr, into: &mut [u8]) -> io::Result<()> {
        self.spend(into.len())?;
        let mut done = 0;
        while let Some(rest) = into.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let part = rest.len().min(MAX_BATCH);
            let at = from.0.checked_add(done as u64).ok_or_else(outside)?;
            let part = rest.get_mut(..part).unwrap_or_default();
            match process_vm_read(self.target.pid, part, &[(at, part.len())])? {
                0 => return Err(outside()),
                n => done = done.saturating_add(n),
            }
        }
        Ok(())
    }

    pub(super) fn bytes<const N: usize>(&self, from: ProcAddr) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read(from, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&self, from: ProcAddr) -> io::Result<u32> {
        self.bytes(from).map(u32::from_le_bytes)
    }

    pub(super) fn words<const N: usize>(&self, from: ProcAddr) -> io::Result<[u64; N]> {
        let mut bytes = vec![0; N.saturating_mul(8)];
        self.read(from, &mut bytes)?;
        let mut words = [0; N];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Ok(words)
    }

    /// Reads many ranges with few system calls and gives each to `take`, with its index; ranges that can't be
    /// read are left out.
    pub(super) fn read_all(
        &self,
        ranges: &[(u64, usize)],
        mut take: impl FnMut(usize, &[u8]),
    ) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut first = 0;
        while let Some(rest) = ranges.get(first..).filter(|rest| !rest.is_empty()) {
            let mut bytes = 0_usize;
            let fits = |&&(_, len): &&(u64, usize)| {
                bytes = bytes.saturating_add(len);
                bytes <= MAX_BATCH
            };
            let n = rest.iter().take(VM_RANGES).take_while(fits).count().max(1);
            let batch = rest.get(..n).unwrap_or_default();
            let whole = self.read_batch(batch, &mut buffer)?;
            let mut at = 0_usize;
            for (index, &(_, len)) in batch.iter().enumerate().take(whole) {
                let end = at.saturating_add(len);
                if let Some(bytes) = buffer.get(at..end) {
                    take(first.saturating_add(index), bytes);
                }
                at = end;
            }
            // The range at which the kernel stopped is not mapped: it is passed over.
            let passed = if whole < n {
                whole.saturating_add(1)
            } else {
                n
            };
            first = first.saturating_add(passed);
        }
        Ok(())
    }

    /// Returns how many ranges, from the first, are whole in `buffer`.
    fn read_batch(&self, batch: &[(u64, usize)], buffer: &mut Vec<u8>) -> io::Result<usize> {
        let wanted: usize = batch.iter().map(|(_, len)| len).sum();
        self.spend(wanted.max(PAGE as usize))?;
        buffer.clear();
        buffer.resize(wanted, 0);
        let read = match process_vm_read(self.target.pid, buffer, batch) {
            Ok(read) => read,
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => 0,
            Err(error) => return Err(error),
        };
        let mut end = 0_usize;
        Ok(batch
            .iter()
            .take_while(|(_, len)| {
                end = end.saturating_add(*len);
                end <= read
            })
            .count())
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let left = self.left.get();
        let rest = left.checked_sub(bytes as u64).ok_or_else(|| {
            io::Error::other(format!(
                "{bytes} bytes are more than the {left} that may still be read"
            ))
        })?;
        self.left.set(rest);
        Ok(())
    }
}

fn outside() -> io::Error {
    io::Error::from_raw_os_error(libc::EFAULT)
}
