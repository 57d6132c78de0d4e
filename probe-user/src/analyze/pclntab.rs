//! The header of `.gopclntab`, Go's table of functions, files and lines.
//!
//! The layout is that of Go 1.18 to 1.27 on 64-bit machines (src/internal/abi/symtab.go,
//! src/runtime/symtab.go `pcHeader`); offsets count from the header:
//!
//! ```text
//! u32 magic, u8 0, u8 0, u8 minimum instruction length, u8 pointer size,
//! u64 functions, u64 files, u64 text start (0 since 1.26),
//! u64 names, u64 compilation units, u64 files, u64 pc-value tables, u64 functab
//! ```

use super::{AnalyzeError, elf::Extent, reader::Reader};

/// Go 1.20 and later.
const MAGIC: u32 = 0xffff_fff1;
/// The magic, two zero bytes, instructions of 1 byte, pointers of 8: how an amd64 table starts.
pub(super) const FIRST_WORD: u64 = 0x0801_0000_0000_0000 | MAGIC as u64;
const HEADER_SIZE: u64 = 72;
/// Functions are at least 16 bytes apart, and text is below 2 GiB; the largest programs have some 10⁶.
const MAX_FUNCTIONS: u64 = 1 << 24;
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
    /// Reads a header and checks that it holds together.
    pub(super) fn read(
        reader: &mut Reader<'_>,
        address: u64,
        extent: Extent,
    ) -> Result<Self, AnalyzeError> {
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
