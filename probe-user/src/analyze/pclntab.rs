//! The header of `.gopclntab`, Go's table of functions, files and lines, found by section or by scan.
//!
//! The layout is that of Go 1.18 to 1.27 on 64-bit machines (src/internal/abi/symtab.go,
//! src/runtime/symtab.go `pcHeader`); offsets count from the header:
//!
//! ```text
//! u32 magic, u8 0, u8 0, u8 minimum instruction length, u8 pointer size,
//! u64 functions, u64 files, u64 text start (0 since 1.26),
//! u64 names, u64 compilation units, u64 files, u64 pc-value tables, u64 functab
//! ```

use super::{
    AnalyzeError,
    elf::{Elf, Extent},
    source::{Reader, Source},
};

/// Go 1.20 and later.
const MAGIC: u32 = 0xffff_fff1;
/// The magic, two zero bytes, instructions of 1 byte, pointers of 8: how an amd64 table starts.
const FIRST_WORD: u64 = 0x0801_0000_0000_0000 | MAGIC as u64;
const HEADER_SIZE: u64 = 72;
/// Functions are at least 16 bytes apart, and text is below 2 GiB; the largest programs have some 10⁶.
const MAX_FUNCTIONS: u64 = 1 << 24;
/// Candidates that a scan looks at; a real program has one.
const MAX_CANDIDATES: usize = 16;

/// Where the parts of a table are; all offsets are into the file and checked against its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pclntab {
    /// Address of the header.
    pub(super) address: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) n_functions: u64,
    /// `None` since Go 1.26.
    pub(super) text_start: Option<u64>,
    pub(super) names: u64,
    pub(super) units: u64,
    pub(super) files: u64,
    pub(super) values: u64,
    pub(super) functab: u64,
}

impl Pclntab {
    /// Returns all tables whose header holds together, those that a section names first.
    ///
    /// The error is that of the named section, if there is one, and otherwise that there is no table.
    pub(super) fn candidates(source: &Source, elf: &Elf) -> Result<Vec<Self>, AnalyzeError> {
        let mut error = None;
        for name in [".gopclntab", ".data.rel.ro.gopclntab"] {
            let Some(section) = elf.section(name) else {
                continue;
            };
            match Self::read(&mut source.reader(), section.address, section.extent) {
                Ok(table) => return Ok(vec![table]),
                Err(found) => error = Some(found),
            }
        }
        let tables = Self::scan(source, elf).map_err(AnalyzeError::Read)?;
        if tables.is_empty() {
            return Err(error.unwrap_or(AnalyzeError::NotGo {
                found: "no .gopclntab".into(),
            }));
        }
        Ok(tables)
    }

    /// Looks through the segments, because external linkers merge the table into `.data.rel.ro` and
    /// stripped files may name no section.
    fn scan(source: &Source, elf: &Elf) -> std::io::Result<Vec<Self>> {
        let mut tables = Vec::new();
        let mut loads: Vec<_> = elf.loads.iter().collect();
        loads.sort_by_key(|load| load.executable);
        for load in loads {
            let end = load.offset.saturating_add(load.file_size);
            let mut reader = source.reader_over(load.file_size);
            let mut inner = source.reader_over(load.file_size);
            reader.find_word(load.offset, end, FIRST_WORD, |offset| {
                let past = offset.saturating_sub(load.offset);
                let extent = Extent {
                    offset,
                    size: load.file_size.saturating_sub(past),
                };
                let address = load.address.saturating_add(past);
                tables.extend(Self::read(&mut inner, address, extent));
                tables.len() >= MAX_CANDIDATES
            })?;
            if !tables.is_empty() {
                break;
            }
        }
        Ok(tables)
    }

    fn read(reader: &mut Reader<'_>, address: u64, extent: Extent) -> Result<Self, AnalyzeError> {
        let malformed = |what: &str| AnalyzeError::Malformed {
            found: format!(".gopclntab at {:#x}: {what}", extent.offset),
        };
        if extent.size < HEADER_SIZE {
            return Err(malformed("shorter than its header"));
        }
        let words: [u64; 9] = words(reader, extent.offset).map_err(AnalyzeError::Read)?;
        let [
            first,
            n_functions,
            _,
            text_start,
            names,
            units,
            files,
            values,
            functab,
        ] = words;
        if first != FIRST_WORD {
            let magic = first as u32;
            if magic == MAGIC {
                return Err(malformed("not of a program with 64-bit pointers"));
            }
            return Err(AnalyzeError::Pclntab { magic });
        }
        let ascending = [
            HEADER_SIZE,
            names,
            units,
            files,
            values,
            functab,
            extent.size,
        ];
        if !ascending.is_sorted() {
            return Err(malformed("its parts overlap or are cut off"));
        }
        let room = extent.size.saturating_sub(functab) / 8;
        if n_functions == 0 || n_functions >= room || n_functions > MAX_FUNCTIONS {
            return Err(malformed(&format!("{n_functions} functions in it")));
        }
        let at = |part: u64| extent.offset.saturating_add(part);
        Ok(Self {
            address,
            start: extent.offset,
            end: at(extent.size),
            n_functions,
            text_start: (text_start != 0).then_some(text_start),
            names: at(names),
            units: at(units),
            files: at(files),
            values: at(values),
            functab: at(functab),
        })
    }

    /// Returns the address of a part, given its file offset.
    pub(super) fn address_of(&self, offset: u64) -> u64 {
        self.address
            .saturating_add(offset.saturating_sub(self.start))
    }

    pub(super) fn len(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Reads `N` little-endian words.
pub(super) fn words<const N: usize>(
    reader: &mut Reader<'_>,
    offset: u64,
) -> std::io::Result<[u64; N]> {
    let mut words = [0; N];
    let mut at = offset;
    for word in &mut words {
        *word = reader.u64(at)?;
        at = at.saturating_add(8);
    }
    Ok(words)
}
