//! An untrusted file as small cached blocks: positioned reads only, nothing mapped, nothing read whole.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use super::reader::Reader;

pub(super) const BLOCK_SHIFT: u32 = 16;
pub(super) const BLOCK: u64 = 1 << BLOCK_SHIFT;
/// 16 MiB: what a pass over the tables of a 100 MB binary keeps in use at a time, many times over.
const MAX_BLOCKS: usize = 256;
/// Blocks that one look-up may fetch; a chain of inlined calls touches a few dozen.
const LOOKUP_BLOCKS: u64 = 4096;

/// What all searches together may read: a file of 500 MB whose table and `moduledata` both have to be
/// searched for, some times over.
const MAX_SEARCHED: u64 = 2 << 30;

/// Positioned reads from something of a known size.
pub trait ReadAt: Send + Sync {
    /// Returns the size in bytes; 0 for anything but a regular file, whose size would mean nothing.
    fn size(&self) -> u64;

    /// Fills `buf` from `offset`, or fails; a file that shrinks meanwhile is an error, never a signal.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn size(&self) -> u64 {
        self.metadata().map_or(0, |metadata| {
            if metadata.is_file() {
                metadata.len()
            } else {
                0
            }
        })
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self, buf, offset)
    }
}

impl ReadAt for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buf.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(found);
        Ok(())
    }
}

/// Opens a regular file for reading without ever blocking on a FIFO or touching a device.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ))
    }
}

/// The file behind a block cache.
pub(super) struct Source {
    inner: Box<dyn ReadAt>,
    size: u64,
    /// Bytes that may still be searched.
    searches: AtomicU64,
    blocks: Mutex<Blocks>,
}

#[derive(Default)]
struct Blocks {
    cached: HashMap<u64, (Arc<[u8]>, u64)>,
    clock: u64,
}

impl Source {
    pub(super) fn new(inner: Box<dyn ReadAt>) -> Self {
        let size = inner.size();
        Self {
            inner,
            size,
            searches: AtomicU64::new(MAX_SEARCHED),
            blocks: Mutex::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns a reader for one look-up.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(self, LOOKUP_BLOCKS)
    }

    /// Returns a reader for one pass over `len` bytes, which may jump about in them within reason.
    pub(super) fn reader_over(&self, len: u64) -> Reader<'_> {
        let fuel = (len >> BLOCK_SHIFT)
            .saturating_mul(8)
            .saturating_add(LOOKUP_BLOCKS);
        Reader::new(self, fuel)
    }

    /// Takes `len` bytes off what may be searched.
    pub(super) fn spend_search(&self, len: u64) -> io::Result<()> {
        self.searches
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(len))
            .map(drop)
            .map_err(|_left| io::Error::new(io::ErrorKind::InvalidData, "too large to be searched"))
    }

    pub(super) fn cached(&self, index: u64) -> Option<Arc<[u8]>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.clock = blocks.clock.wrapping_add(1);
        let now = blocks.clock;
        let (block, used) = blocks.cached.get_mut(&index)?;
        *used = now;
        Some(Arc::clone(block))
    }

    pub(super) fn fetch(&self, index: u64) -> io::Result<Arc<[u8]>> {
        let start = index
            .checked_mul(BLOCK)
            .filter(|start| *start < self.size)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let len = self.size.saturating_sub(start).min(BLOCK);
        let mut block: Arc<[u8]> = std::iter::repeat_n(0, len as usize).collect();
        if let Some(bytes) = Arc::get_mut(&mut block) {
            self.inner.read_exact_at(bytes, start)?;
        }
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.cached.len() >= MAX_BLOCKS {
            let oldest = blocks.cached.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(index, _)| *index) {
                blocks.cached.remove(&oldest);
            }
        }
        let now = blocks.clock;
        blocks.cached.insert(index, (Arc::clone(&block), now));
        Ok(block)
    }
}
