//! Reads of numbers, strings and searches over cached blocks.

use std::{io, sync::Arc};

use super::source::{BLOCK, BLOCK_SHIFT, Source};

/// A stream of reads that mostly stay in one block.
pub(super) struct Reader<'a> {
    source: &'a Source,
    block: Option<(u64, Arc<[u8]>)>,
    /// Blocks that may still be fetched, so that scattered hostile offsets cannot cost unbounded time.
    fuel: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Source, fuel: u64) -> Self {
        Self {
            source,
            block: None,
            fuel,
        }
    }

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
            .is_none_or(|end| end > self.source.size())
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

    /// Tells whether `needle` is somewhere in `start..end`.
    pub(super) fn contains(&mut self, start: u64, end: u64, needle: &[u8]) -> io::Result<bool> {
        self.each_piece(start, end, needle.len(), |_, piece| {
            piece.windows(needle.len()).any(|found| found == needle)
        })
    }

    /// Calls `visit` with `start..end` piece by piece, and the offset of each piece, until it returns true; returns whether
    /// it did. Whatever has `len` bytes is whole in one of them.
    pub(super) fn each_piece(
        &mut self,
        start: u64,
        end: u64,
        len: usize,
        mut visit: impl FnMut(u64, &[u8]) -> bool,
    ) -> io::Result<bool> {
        let mut at = start;
        let mut piece = Vec::new();
        while at < end {
            let chunk = self.chunk(at)?;
            let wanted = end.saturating_sub(at).min(chunk.len() as u64) as usize;
            let chunk = chunk.get(..wanted).unwrap_or(chunk);
            let begins = at.saturating_sub(piece.len() as u64);
            piece.extend_from_slice(chunk);
            if visit(begins, &piece) {
                return Ok(true);
            }
            at = at.saturating_add(chunk.len() as u64);
            piece.drain(..piece.len().saturating_sub(len.saturating_sub(1)));
        }
        Ok(false)
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
        let source = self.source;
        let mut offset = start.checked_next_multiple_of(8).unwrap_or(end);
        while offset < end {
            let chunk = self.chunk(offset)?;
            let wanted = end.saturating_sub(offset).min(chunk.len() as u64) as usize;
            source.spend_search(wanted as u64)?;
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
