//! Adds symbols to a copy of an ELF file, for a tool that can only name symbols.
//!
//! The copy gets a larger symbol table and string table at its end; everything that is loaded stays as it is.
//! Layouts: System V ABI, ELF-64 object file format.

use anyhow::{Context as _, Result, ensure};

const SECTION_HEADER: usize = 64;
const SYMBOL: usize = 24;
const SHT_SYMTAB: u32 = 2;
/// Global function.
const INFO: u8 = 1 << 4 | 2;

/// A symbol of one byte.
#[derive(Clone, Debug)]
pub struct Mark {
    pub name: String,
    pub address: u64,
}

/// Returns the ELF file with symbols added.
pub fn add(file: &[u8], marks: &[Mark]) -> Result<Vec<u8>> {
    let mut out = file.to_vec();
    let headers = read(file, 0x28, 8)? as usize;
    let n = read(file, 0x3c, 2)? as usize;
    let header = |index: usize| headers + index * SECTION_HEADER;
    let symtab = (0..n)
        .find(|&index| read(file, header(index) + 4, 4).ok() == Some(u64::from(SHT_SYMTAB)))
        .context("the program has no symbol table")?;
    let strtab = read(file, header(symtab) + 40, 4)? as usize;
    ensure!(strtab < n, "the symbol table has no names");
    let text = section_of(
        file,
        headers,
        n,
        marks.first().context("nothing to mark")?.address,
    )?;

    let mut strings = contents(file, header(strtab))?.to_vec();
    let mut symbols = contents(file, header(symtab))?.to_vec();
    for mark in marks {
        symbols.extend((strings.len() as u32).to_le_bytes());
        symbols.extend([INFO, 0]);
        symbols.extend((text as u16).to_le_bytes());
        symbols.extend(mark.address.to_le_bytes());
        symbols.extend(1_u64.to_le_bytes());
        strings.extend(mark.name.as_bytes());
        strings.push(0);
    }
    ensure!(
        symbols.len().is_multiple_of(SYMBOL),
        "a broken symbol table"
    );
    append(&mut out, header(symtab), &symbols)?;
    append(&mut out, header(strtab), &strings)?;
    Ok(out)
}

/// Puts the contents of a section at the end of the file.
fn append(out: &mut Vec<u8>, header: usize, contents: &[u8]) -> Result<()> {
    out.resize(out.len().next_multiple_of(8), 0);
    let at = out.len() as u64;
    let place = out.get_mut(header + 24..header + 40).context("no header")?;
    place.copy_from_slice(&[at.to_le_bytes(), (contents.len() as u64).to_le_bytes()].concat());
    out.extend(contents);
    Ok(())
}

fn contents(file: &[u8], header: usize) -> Result<&[u8]> {
    let (at, size) = (read(file, header + 24, 8)?, read(file, header + 32, 8)?);
    file.get(at as usize..(at + size) as usize)
        .context("a section outside the file")
}

/// The index of the section that holds `address`.
fn section_of(file: &[u8], headers: usize, n: usize, address: u64) -> Result<usize> {
    (0..n)
        .find(|index| {
            let header = headers + index * SECTION_HEADER;
            let (start, size) = (read(file, header + 16, 8), read(file, header + 32, 8));
            matches!((start, size), (Ok(start), Ok(size)) if start != 0
                && (start..start + size).contains(&address))
        })
        .with_context(|| format!("no section holds {address:#x}"))
}

/// Reads a little-endian number of `n` bytes.
fn read(file: &[u8], at: usize, n: usize) -> Result<u64> {
    let bytes = file.get(at..at + n).context("the ELF file is cut off")?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte)))
}
