//! `R_X86_64_RELATIVE` relocations, for position-independent files whose linker left zeros in place.

use std::io;

use object::{LittleEndian as LE, elf};

use super::{
    elf::{Elf, Extent, record},
    reader::Reader,
    source::Source,
};

/// What the dynamic section and the relocations may hold at most; Kubernetes' largest has some 10⁶.
const MAX_DYNAMIC: u64 = 4096;
const MAX_RELOCATIONS: u64 = 1 << 24;
/// Places that may hold one address; a few dozen data structures at most point at a table.
const MAX_PLACES: usize = 256;

const DYN_SIZE: u64 = size_of::<elf::Dyn64<LE>>() as u64;
const RELA_SIZE: u64 = size_of::<elf::Rela64<LE>>() as u64;

pub(super) struct Relocations {
    table: Extent,
}

impl Relocations {
    /// Finds the table through the dynamic section; `None` if the file has none.
    pub(super) fn of(source: &Source, elf: &Elf) -> io::Result<Option<Self>> {
        let Some(dynamic) = elf.dynamic else {
            return Ok(None);
        };
        let mut reader = source.reader();
        let [mut address, mut size] = [0, 0];
        let count = (dynamic.size / DYN_SIZE).min(MAX_DYNAMIC);
        for index in 0..count {
            let at = dynamic
                .offset
                .saturating_add(index.saturating_mul(DYN_SIZE));
            let (tag, value) = (reader.u64(at)?, reader.u64(at.saturating_add(8))?);
            match i64::try_from(tag) {
                Ok(elf::DT_NULL) => break,
                Ok(elf::DT_RELA) => address = value,
                Ok(elf::DT_RELASZ) => size = value,
                _ => {}
            }
        }
        Ok(elf.locate(address).map(|found| Self {
            table: Extent {
                offset: found.offset,
                size: size.min(found.size),
            },
        }))
    }

    /// Returns the addresses that the loader fills with `value` plus the load bias.
    pub(super) fn places_of(&self, source: &Source, value: u64) -> io::Result<Vec<u64>> {
        let mut places = Vec::new();
        self.each(source, |place, addend| {
            if addend == value && places.len() < MAX_PLACES {
                places.push(place);
            }
        })?;
        Ok(places)
    }

    /// Puts into `words`, which are those at `address`, what the loader would put there, without the bias.
    pub(super) fn apply(&self, source: &Source, address: u64, words: &mut [u64]) -> io::Result<()> {
        self.each(source, |place, addend| {
            let word = place
                .checked_sub(address)
                .filter(|past| past % 8 == 0)
                .and_then(|past| words.get_mut(usize::try_from(past / 8).ok()?));
            if let Some(word) = word {
                *word = addend;
            }
        })
    }

    fn each(&self, source: &Source, mut visit: impl FnMut(u64, u64)) -> io::Result<()> {
        let mut reader = source.reader_over(self.table.size);
        for index in 0..(self.table.size / RELA_SIZE).min(MAX_RELOCATIONS) {
            let at = self
                .table
                .offset
                .saturating_add(index.saturating_mul(RELA_SIZE));
            let entry = rela(&mut reader, at)?;
            if entry.r_type(LE, false) == elf::R_X86_64_RELATIVE {
                visit(entry.r_offset.get(LE), entry.r_addend.get(LE) as u64);
            }
        }
        Ok(())
    }
}

fn rela(reader: &mut Reader<'_>, offset: u64) -> io::Result<elf::Rela64<LE>> {
    record(reader, offset).map_err(io::Error::other)
}
