//! An untrusted file as small cached blocks: positioned reads only, nothing mapped, nothing read whole.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

const BLOCK_SHIFT: u32 = 16;
const BLOCK: u64 = 1 << BLOCK_SHIFT;
/// 16 MiB: what a pass over the tables of a 100 MB binary keeps in use at a time, many times over.
const MAX_BLOCKS: usize = 256;
/// Blocks that one look-up may fetch; a chain of inlined calls touches a few dozen.
const LOOKUP_BLOCKS: u64 = 4096;

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
            blocks: Mutex::default(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Returns a reader for one look-up.
    pub(super) fn reader(&self) -> Reader<'_> {
        Reader {
            source: self,
            block: None,
            fuel: LOOKUP_BLOCKS,
        }
    }

    /// Returns a reader for one pass over `len` bytes, which may jump about in them within reason.
    pub(super) fn reader_over(&self, len: u64) -> Reader<'_> {
        let fuel = (len >> BLOCK_SHIFT)
            .saturating_mul(8)
            .saturating_add(LOOKUP_BLOCKS);
        Reader {
            fuel,
            ..self.reader()
        }
    }

    fn cached(&self, index: u64) -> Option<Arc<[u8]>> {
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.clock = blocks.clock.wrapping_add(1);
        let now = blocks.clock;
        let (block, used) = blocks.cached.get_mut(&index)?;
        *used = now;
        Some(Arc::clone(block))
    }

    fn fetch(&self, index: u64) -> io::Result<Arc<[u8]>> {
        let start = index
            .checked_mul(BLOCK)
            .filter(|start| *start < self.size)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let len = self.size.saturating_sub(start).min(BLOCK);
        let mut bytes = vec![0; len as usize];
        self.inner.read_exact_at(&mut bytes, start)?;
        let block: Arc<[u8]> = bytes.into();
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

/// A stream of reads that mostly stay in one block.
pub(super) struct Reader<'a> {
    source: &'a Source,
    block: Option<(u64, Arc<[u8]>)>,
    /// Blocks that may still be fetched, so that scattered hostile offsets cannot cost unbounded time.
    fuel: u64,
}

impl Reader<'_> {
    /// Returns the bytes from `offset` to the end of its block: at least one.
    pub(super) fn chunk(&mut self, offset: u64) -> io::Result<&[u8]> {
        let index = offset >> BLOCK_SHIFT;
        if self.block.as_ref().is_none_or(|(held, _)| *held != index) {
            let block = if let Some(block) = self.source.cached(index) {
                block
            } else {
                self.fuel = self.fuel.checked_sub(1).ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidData, "tables point all over the file")
                })?;
                self.source.fetch(index)?
            };
            self.block = Some((index, block));
        }
        let within = (offset & (BLOCK - 1)) as usize;
        self.block
            .as_ref()
            .and_then(|(_, block)| block.get(within..))
            .filter(|rest| !rest.is_empty())
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    pub(super) fn read(&mut self, buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let chunk = self.chunk(offset)?;
            let len = chunk.len().min(rest.len());
            let (filled, tail) = std::mem::take(&mut rest).split_at_mut(len);
            filled.copy_from_slice(chunk.get(..len).unwrap_or_default());
            rest = tail;
            offset = offset.saturating_add(len as u64);
        }
        Ok(())
    }

    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        if let Some(found) = self.chunk(offset)?.first_chunk() {
            return Ok(*found);
        }
        self.read(&mut bytes, offset)?;
        Ok(bytes)
    }

    pub(super) fn u8(&mut self, offset: u64) -> io::Result<u8> {
        self.array::<1>(offset).map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self, offset: u64) -> io::Result<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, offset: u64) -> io::Result<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// Reads `len` bytes, which must all be in the file before any memory is taken for them.
    pub(super) fn bytes(&mut self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        if offset
            .checked_add(len)
            .is_none_or(|end| end > self.source.size)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; len as usize];
        self.read(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Appends the bytes from `offset` up to a NUL, the offset `end`, or the `limit`, whichever is first.
    pub(super) fn c_string(
        &mut self,
        mut offset: u64,
        end: u64,
        limit: usize,
        into: &mut Vec<u8>,
    ) -> io::Result<()> {
        while offset < end && into.len() < limit {
            let room = limit.saturating_sub(into.len()) as u64;
            let wanted = end.saturating_sub(offset).min(room) as usize;
            let chunk = self.chunk(offset)?;
            let chunk = chunk.get(..wanted).unwrap_or(chunk);
            if let Some(nul) = chunk.iter().position(|byte| *byte == 0) {
                into.extend_from_slice(chunk.get(..nul).unwrap_or_default());
                return Ok(());
            }
            into.extend_from_slice(chunk);
            offset = offset.saturating_add(chunk.len() as u64);
        }
        Ok(())
    }

    /// Calls `found` with the offset of each 8-aligned word in `start..end` that equals `needle`, until it
    /// returns true.
    pub(super) fn find_word(
        &mut self,
        start: u64,
        end: u64,
        needle: u64,
        mut found: impl FnMut(u64) -> bool,
    ) -> io::Result<()> {
        let needle = needle.to_le_bytes();
        let mut offset = start.next_multiple_of(8);
        while offset < end {
            let chunk = self.chunk(offset)?;
            let wanted = end.saturating_sub(offset).min(chunk.len() as u64) as usize;
            let words = chunk.get(..wanted).unwrap_or(chunk).as_chunks::<8>().0;
            for (index, word) in words.iter().enumerate() {
                if *word == needle && found(offset.saturating_add((index as u64) << 3)) {
                    return Ok(());
                }
            }
            offset = offset.saturating_add((wanted as u64).max(8));
        }
        Ok(())
    }
}
