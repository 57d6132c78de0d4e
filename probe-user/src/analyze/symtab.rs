//! Names of variables to their addresses, from `.symtab`, where a file still has one.

use std::{collections::HashMap, io};

use object::{LittleEndian as LE, elf::Sym64};

use super::{
    elf::{Elf, record},
    source::Source,
};

/// A program of 100 MB has some 300 000.
const MAX_SYMBOLS: u64 = 1 << 23;

/// Returns the addresses of those of `names` that are variables of the file.
pub(super) fn variables(
    source: &Source,
    elf: &Elf,
    names: &[&'static str],
) -> HashMap<&'static str, u64> {
    let mut found = HashMap::new();
    // What was read before a table turned out to be broken is as good as ever.
    let _partial = read(source, elf, names, &mut found);
    found
}

fn read(
    source: &Source,
    elf: &Elf,
    names: &[&'static str],
    found: &mut HashMap<&'static str, u64>,
) -> io::Result<()> {
    let (Some(symbols), Some(strings)) = (elf.section(".symtab"), elf.section(".strtab")) else {
        return Ok(());
    };
    let (symbols, strings) = (symbols.extent, strings.extent);
    let strings_end = strings.offset.saturating_add(strings.size);
    let longest = names.iter().map(|name| name.len()).max().unwrap_or(0);
    let mut table = source.reader_over(symbols.size);
    let mut texts = source.reader_over(strings.size);
    let size = size_of::<Sym64<LE>>() as u64;
    let mut name = Vec::new();
    for index in 0..symbols.size.checked_div(size).unwrap_or(0).min(MAX_SYMBOLS) {
        if found.len() == names.len() {
            return Ok(());
        }
        let at = symbols.offset.saturating_add(index.saturating_mul(size));
        let symbol: Sym64<LE> = record(&mut table, at).map_err(io::Error::other)?;
        if symbol.st_info & 0xf != object::elf::STT_OBJECT {
            continue;
        }
        name.clear();
        let at = strings.offset.saturating_add(symbol.st_name.get(LE).into());
        texts.c_string(at, strings_end, longest.saturating_add(1), &mut name)?;
        if let Some(name) = names.iter().find(|wanted| wanted.as_bytes() == name) {
            found.insert(name, symbol.st_value.get(LE));
        }
    }
    Ok(())
}
