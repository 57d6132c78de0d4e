//! Names and offsets of the fields of a few structs, from `.debug_info`, without holding it in memory.
//!
//! The section, hundreds of megabytes in large programs and usually compressed, goes through a window of a
//! megabyte. Go's linker writes the name of a type as a string in place, right behind the abbreviation
//! code: so the window is searched for the name, and only that one entry is given to `gimli`, behind a unit
//! header like the one it came from. Sections compressed with zstd are not read.

use std::{
    collections::HashMap,
    io::{self, Read},
};

use flate2::read::ZlibDecoder;
use gimli::{DebugAbbrev, DebugInfo, EndianSlice, LittleEndian};

use super::{
    elf::{Elf, Section},
    reader::Reader,
    source::Source,
};

const WINDOW: usize = 1 << 20;
/// What one entry with its fields takes at most; `runtime.g` takes some 1.5 KB.
const MAX_ENTRY: usize = 1 << 16;
/// Bound on what is decompressed in search of the types; a program of 100 MB has some 20 MB in all.
const MAX_STREAM: u64 = 128 << 20;
const MAX_ABBREV: u64 = 4 << 20;
const MAX_UNITS: u32 = 1 << 20;
const MAX_FIELDS: usize = 1 << 10;
/// Entries that are tried per name in one window.
const MAX_TRIES: usize = 64;
const PACKAGE: &str = "runtime.";

/// The direct fields of one struct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StructFields(Vec<(Vec<u8>, u32)>);

impl StructFields {
    pub(super) fn offset(&self, name: &str) -> Option<u32> {
        let (_, offset) = self.0.iter().find(|(found, _)| found == name.as_bytes())?;
        Some(*offset)
    }
}

/// Returns the fields of those structs of package runtime, named without it, that could be read.
pub(super) fn runtime_structs(
    source: &Source,
    elf: &Elf,
    names: &[&'static str],
) -> HashMap<&'static str, StructFields> {
    search(source, elf, names).unwrap_or_default()
}

fn search(
    source: &Source,
    elf: &Elf,
    names: &[&'static str],
) -> Option<HashMap<&'static str, StructFields>> {
    let mut abbreviations = Vec::new();
    open(source, elf, &[".debug_abbrev", ".zdebug_abbrev"])?
        .take(MAX_ABBREV)
        .read_to_end(&mut abbreviations)
        .ok()?;
    let info = open(source, elf, &[".debug_info", ".zdebug_info"])?;
    let mut search = Search {
        window: Window::new(Box::new(info.take(MAX_STREAM))),
        abbreviations,
        wanted: names
            .iter()
            .map(|name| (*name, format!("{PACKAGE}{name}\0").into_bytes()))
            .collect(),
        found: HashMap::new(),
    };
    // What was found before the section turned unreadable is as good as ever.
    let _partial = search.run();
    Some(search.found)
}

/// Opens the first of the named sections, decompressed.
fn open<'a>(source: &'a Source, elf: &Elf, names: &[&str]) -> Option<Box<dyn Read + 'a>> {
    let section = names.iter().find_map(|name| elf.section(name))?;
    let header = compression_header(source, section)?;
    let raw = Raw {
        reader: source.reader_over(section.extent.size),
        at: section.extent.offset.saturating_add(header),
        end: section.extent.offset.saturating_add(section.extent.size),
    };
    Some(match header {
        0 => Box::new(raw),
        _ => Box::new(ZlibDecoder::new(raw)),
    })
}

/// Returns the size of the header before zlib's bytes, 0 if there are none; `None` if they are another's.
///
/// `SHF_COMPRESSED`: {u32 type, u32 0, u64 size, u64 alignment}; `.zdebug_…`: "ZLIB" and 8 bytes of size.
fn compression_header(source: &Source, section: &Section) -> Option<u64> {
    let kind = source.reader().array::<4>(section.extent.offset).ok()?;
    if section.name.starts_with(".z") {
        return (kind == *b"ZLIB").then_some(12);
    }
    if !section.compressed {
        return Some(0);
    }
    (u32::from_le_bytes(kind) == object::elf::ELFCOMPRESS_ZLIB).then_some(24)
}

/// A range of the file as a stream.
struct Raw<'a> {
    reader: Reader<'a>,
    at: u64,
    end: u64,
}

impl Read for Raw<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at).min(buf.len() as u64) as usize;
        if left == 0 {
            return Ok(0);
        }
        let chunk = self.reader.chunk(self.at)?;
        let len = left.min(chunk.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..len), chunk.get(..len)) {
            to.copy_from_slice(from);
        }
        self.at = self.at.saturating_add(len as u64);
        Ok(len)
    }
}

/// The next bytes of a stream.
struct Window<'a> {
    stream: Box<dyn Read + 'a>,
    bytes: Vec<u8>,
    start: usize,
}

impl<'a> Window<'a> {
    fn new(stream: Box<dyn Read + 'a>) -> Self {
        Self {
            stream,
            bytes: Vec::with_capacity(WINDOW),
            start: 0,
        }
    }

    /// Returns at least `len` bytes if the stream still has them, and never more than a window.
    fn ahead(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.bytes.len().saturating_sub(self.start) < len {
            self.bytes.drain(..self.start);
            self.start = 0;
            let room = WINDOW.saturating_sub(self.bytes.len()) as u64;
            self.stream
                .by_ref()
                .take(room)
                .read_to_end(&mut self.bytes)?;
        }
        Ok(self.bytes.get(self.start..).unwrap_or_default())
    }

    fn skip(&mut self, len: usize) {
        self.start = self.start.saturating_add(len).min(self.bytes.len());
    }
}

/// What the entries of a unit are encoded with.
#[derive(Clone, Copy)]
struct Unit {
    version: u16,
    abbreviations: u32,
    header: usize,
    /// Bytes behind the header.
    body: u64,
}

struct Search<'a> {
    window: Window<'a>,
    abbreviations: Vec<u8>,
    /// Names, and how they are in the section.
    wanted: Vec<(&'static str, Vec<u8>)>,
    found: HashMap<&'static str, StructFields>,
}

impl Search<'_> {
    fn run(&mut self) -> io::Result<()> {
        for _ in 0..MAX_UNITS {
            let Some(unit) = Unit::read(self.window.ahead(32)?) else {
                return Ok(());
            };
            self.window.skip(unit.header);
            self.search(unit)?;
            if self.wanted.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Searches the body of a unit and leaves the window behind it.
    fn search(&mut self, unit: Unit) -> io::Result<()> {
        let mut left = unit.body;
        while left > 0 {
            let ahead = self.window.ahead(MAX_ENTRY)?;
            if ahead.is_empty() {
                return Ok(());
            }
            let body = ahead
                .get(..usize::try_from(left).unwrap_or(usize::MAX))
                .unwrap_or(ahead);
            for (index, entry) in entries(body, &self.wanted) {
                let Some((name, in_section)) = self.wanted.get(index) else {
                    continue;
                };
                if self.found.contains_key(name) {
                    continue;
                }
                if let Some(fields) = unit.fields(entry, in_section, &self.abbreviations) {
                    self.found.insert(name, fields);
                }
            }
            let found = &self.found;
            self.wanted.retain(|(name, _)| !found.contains_key(name));
            // An entry that is cut off at the window's end is seen again, whole.
            let overlap = if body.len() as u64 == left {
                0
            } else {
                MAX_ENTRY.div_ceil(2)
            };
            let step = body.len().saturating_sub(overlap).max(1);
            self.window.skip(step);
            left = left.saturating_sub(step as u64);
        }
        Ok(())
    }
}

/// Returns what may be entries with a wanted name, one byte, the abbreviation code, before it, each with the
/// index of its name.
fn entries<'a>(bytes: &'a [u8], wanted: &[(&'static str, Vec<u8>)]) -> Vec<(usize, &'a [u8])> {
    let mut tries = vec![0; wanted.len()];
    let mut found = Vec::new();
    for (position, _) in bytes
        .windows(PACKAGE.len())
        .enumerate()
        .filter(|(_, window)| *window == PACKAGE.as_bytes())
    {
        let rest = bytes.get(position..).unwrap_or_default();
        let named = |(_, name): &(&str, Vec<u8>)| rest.starts_with(name);
        let Some(index) = wanted.iter().position(named) else {
            continue;
        };
        let Some(entry) = position.checked_sub(1).and_then(|start| bytes.get(start..)) else {
            continue;
        };
        if let Some(tries) = tries.get_mut(index).filter(|tries| **tries < MAX_TRIES) {
            *tries = tries.saturating_add(1);
            found.push((index, entry.get(..MAX_ENTRY).unwrap_or(entry)));
        }
    }
    found
}

impl Unit {
    /// Reads a header of the 32-bit format, DWARF 4 (Go up to 1.24) or 5.
    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            bytes
                .get(at..)?
                .first_chunk()
                .map(|word| u32::from_le_bytes(*word))
        };
        let length = word(0).filter(|length| *length < 0xffff_fff0)?;
        let version = word(4)? as u16;
        let (header, abbreviations) = match version {
            2..=4 => (11, word(6)?),
            _ => (12, word(8)?),
        };
        Some(Self {
            version,
            abbreviations,
            header,
            body: u64::from(length)
                .saturating_add(4)
                .checked_sub(header as u64)?,
        })
    }

    /// Reads the struct that `entry` starts with, if that is what it is.
    fn fields(self, entry: &[u8], name: &[u8], abbreviations: &[u8]) -> Option<StructFields> {
        let unit = self.around(entry);
        let info = DebugInfo::new(&unit, LittleEndian);
        let header = info.units().next().ok()??;
        let abbreviations = DebugAbbrev::new(abbreviations, LittleEndian);
        let abbreviations = header.abbreviations(&abbreviations).ok()?;
        let mut entries = header.entries(&abbreviations);
        let first = entries.next_dfs().ok()??;
        let named = string(first).is_some_and(|found| name.strip_suffix(b"\0") == Some(found));
        if first.tag() != gimli::DW_TAG_structure_type || !named || !first.has_children() {
            return None;
        }
        let mut fields = Vec::new();
        while let Some(entry) = entries.next_dfs().ok()? {
            if entry.depth() <= 0 || fields.len() >= MAX_FIELDS {
                return Some(StructFields(fields));
            }
            let offset = entry
                .attr_value(gimli::DW_AT_data_member_location)
                .and_then(|offset| offset.udata_value())
                .and_then(|offset| u32::try_from(offset).ok());
            if let (gimli::DW_TAG_member, Some(name), Some(offset)) =
                (entry.tag(), string(entry), offset)
            {
                fields.push((name.to_owned(), offset));
            }
        }
        None
    }

    /// Makes a compile unit of its own of some entries.
    fn around(self, entries: &[u8]) -> Vec<u8> {
        let length = entries.len().saturating_add(self.header).saturating_sub(4) as u32;
        let mut unit = length.to_le_bytes().to_vec();
        unit.extend(self.version.to_le_bytes());
        if self.version >= 5 {
            unit.extend([gimli::DW_UT_compile.0, 8]);
        }
        unit.extend(self.abbreviations.to_le_bytes());
        if self.version < 5 {
            unit.push(8);
        }
        unit.extend(entries);
        unit
    }
}

fn string<'a>(
    entry: &gimli::DebuggingInformationEntry<EndianSlice<'a, LittleEndian>>,
) -> Option<&'a [u8]> {
    match entry.attr_value(gimli::DW_AT_name)? {
        gimli::AttributeValue::String(name) => Some(name.slice()),
        _ => None,
    }
}
