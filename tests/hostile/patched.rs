//! A file as the original's bytes with changes over them, of any size.

use std::{io, sync::Arc};

use probe_user::analyze::ReadAt;

#[derive(Clone, Debug)]
pub(crate) struct Patched {
    original: Arc<[u8]>,
    changes: Vec<(u64, Vec<u8>)>,
    /// Beyond the original the file is a hole: zeros.
    size: u64,
}

impl Patched {
    pub(crate) fn new(original: &Arc<[u8]>) -> Self {
        Self {
            original: Arc::clone(original),
            changes: Vec::new(),
            size: original.len() as u64,
        }
    }

    pub(crate) fn with(mut self, offset: u64, bytes: impl Into<Vec<u8>>) -> Self {
        self.changes.push((offset, bytes.into()));
        self
    }

    pub(crate) fn sized(self, size: u64) -> Self {
        Self { size, ..self }
    }
}

impl ReadAt for Patched {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        if offset
            .checked_add(buf.len() as u64)
            .is_none_or(|end| end > self.size)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buf.fill(0);
        overlay(buf, offset, 0, &self.original);
        for (at, bytes) in &self.changes {
            overlay(buf, offset, *at, bytes);
        }
        Ok(())
    }
}

/// Copies what `bytes`, which start at `at`, have in common with `buf`, which starts at `offset`.
fn overlay(buf: &mut [u8], offset: u64, at: u64, bytes: &[u8]) {
    let start = offset.max(at);
    let end = (offset + buf.len() as u64).min(at + bytes.len() as u64);
    if start < end {
        let to = (start - offset) as usize..(end - offset) as usize;
        let from = (start - at) as usize..(end - at) as usize;
        buf[to].copy_from_slice(&bytes[from]);
    }
}
