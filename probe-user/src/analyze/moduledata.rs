//! The runtime's `moduledata` record, which says where text starts and what function data count from.
//!
//! Offsets that are stable from Go 1.21 to 1.27 (src/runtime/symtab.go): `pcHeader` 0, `funcnametab` 8,
//! `filetab` 56, `pctab` 80, `pclntable` 104, `ftab` 128 and its length 136, `text` 176, `etext` 184.

use std::io;

use super::{
    AnalyzeError, GoVersion,
    elf::{Elf, Load},
    pclntab::{Pclntab, words},
    relocation::Relocations,
    source::Source,
};

/// Up to and with `gofunc` and `epclntab` of every known version.
const WORDS: usize = 48;
const TEXT: usize = 22;
/// What the offsets of names of types count from, at Go 1.21 to 1.27.
const TYPES: usize = 37;
/// `gofunc` up to Go 1.25; later it lies inside the table itself and is recognised by that.
const GOFUNC_BEFORE_1_26: usize = 40;
/// Text offsets are 32 bits wide, and amd64 code cannot span more than 2 GiB.
const MAX_TEXT: u64 = 1 << 31;

#[derive(Clone, Copy, Debug)]
pub(super) struct Moduledata {
    pub(super) text: u64,
    pub(super) etext: u64,
    /// What the offsets of function data, such as inline trees, count from.
    pub(super) gofunc: Option<u64>,
    /// What the offsets of names of types count from; `None` where it is not in the file.
    pub(super) types: Option<u64>,
}

impl Moduledata {
    /// Finds the record that points at `pclntab`.
    ///
    /// Go 1.26 and later keep it in a section of its own; before that, or in a file without section
    /// headers, it is the one place in writable data that holds all the table's addresses.
    pub(super) fn find(
        source: &Source,
        elf: &Elf,
        pclntab: &Pclntab,
        version: Option<GoVersion>,
    ) -> Result<Option<Self>, AnalyzeError> {
        let record = Self::in_place(source, elf, pclntab)
            .and_then(|found| match found {
                Some(words) => Ok(Some(words)),
                None => Self::relocated(source, elf, pclntab),
            })
            .map_err(AnalyzeError::Read)?;
        let Some(words) = record else { return Ok(None) };
        Self::decode(&words, elf, pclntab, version).map(Some)
    }

    fn in_place(source: &Source, elf: &Elf, pclntab: &Pclntab) -> io::Result<Option<[u64; WORDS]>> {
        let named = [".go.module", ".noptrdata", ".data"]
            .iter()
            .filter_map(|name| elf.section(name))
            .map(|section| section.extent);
        let mapped = elf
            .loads
            .iter()
            .filter(|load| load.writable)
            .map(Load::extent);
        for extent in named.chain(mapped) {
            let end = extent.offset.saturating_add(extent.size);
            let mut inner = source.reader_over(extent.size);
            let mut record = None;
            source.reader_over(extent.size).find_word(
                extent.offset,
                end,
                pclntab.address,
                |offset| {
                    record = words(&mut inner, offset)
                        .ok()
                        .filter(|words| is_moduledata(words, pclntab));
                    record.is_some()
                },
            )?;
            if record.is_some() {
                return Ok(record);
            }
        }
        Ok(None)
    }

    /// Finds the record through the relocations, for linkers that leave zeros in place (lld).
    fn relocated(
        source: &Source,
        elf: &Elf,
        pclntab: &Pclntab,
    ) -> io::Result<Option<[u64; WORDS]>> {
        let Some(relocations) = Relocations::of(source, elf)? else {
            return Ok(None);
        };
        for address in relocations.places_of(source, pclntab.address)? {
            let Some(extent) = elf.locate(address) else {
                continue;
            };
            let Ok(mut record) = words(&mut source.reader(), extent.offset) else {
                continue;
            };
            relocations.apply(source, address, &mut record)?;
            if is_moduledata(&record, pclntab) {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn decode(
        words: &[u64; WORDS],
        elf: &Elf,
        pclntab: &Pclntab,
        version: Option<GoVersion>,
    ) -> Result<Self, AnalyzeError> {
        let [text, etext] = [word(words, TEXT), word(words, TEXT.saturating_add(1))];
        let size = etext
            .checked_sub(text)
            .filter(|size| (1..=MAX_TEXT).contains(size));
        let mapped = elf
            .loads
            .iter()
            .filter(|load| load.executable)
            .filter_map(|load| load.locate(text))
            .any(|found| size.is_some_and(|size| size <= found.size));
        if !mapped {
            return Err(AnalyzeError::NoFileText {
                found: format!(
                    "text {text:#x}..{etext:#x} is not in an executable segment of the file"
                ),
            });
        }
        Ok(Self {
            text,
            etext,
            gofunc: gofunc(words, elf, pclntab, version),
            types: Some(word(words, TYPES)).filter(|address| elf.locate(*address).is_some()),
        })
    }
}

fn word(words: &[u64; WORDS], index: usize) -> u64 {
    words.get(index).copied().unwrap_or_default()
}

fn is_moduledata(words: &[u64; WORDS], pclntab: &Pclntab) -> bool {
    word(words, 0) == pclntab.address
        && word(words, 1) == pclntab.address_of(pclntab.names)
        && word(words, 7) == pclntab.address_of(pclntab.files)
        && word(words, 10) == pclntab.address_of(pclntab.values)
        && word(words, 13) == pclntab.address_of(pclntab.functab)
        && word(words, 16) == pclntab.address_of(pclntab.functab)
        && Some(word(words, 17)) == pclntab.n_functions.checked_add(1)
}

/// Since Go 1.26 function data follow the table, `epclntab` is the word after `gofunc`, and further fields
/// have moved them about: so they are told by where they point.
fn gofunc(
    words: &[u64; WORDS],
    elf: &Elf,
    pclntab: &Pclntab,
    version: Option<GoVersion>,
) -> Option<u64> {
    let functab = pclntab.address_of(pclntab.functab);
    let end = pclntab.address_of(pclntab.end);
    let inside = words
        .iter()
        .zip(words.iter().skip(1))
        .skip(GOFUNC_BEFORE_1_26)
        .find(|(start, next)| functab < **start && start < next && **next <= end)
        .map(|(start, _)| *start);
    let before = version.is_some_and(|version| version.release() < (1, 26));
    if before || (inside.is_none() && pclntab.text_start.is_some()) {
        return Some(word(words, GOFUNC_BEFORE_1_26))
            .filter(|address| elf.locate(*address).is_some());
    }
    inside
}
