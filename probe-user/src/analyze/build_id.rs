//! The notes of an ELF file to its build ID: Go's own, else the GNU linker's in hexadecimal.

use std::fmt::Write as _;

use super::{
    elf::{Elf, Extent},
    reader::Reader,
    source::Source,
};

/// `cmd/internal/buildid`: note of owner `Go`, type 4.
const GO_BUILD_ID: u32 = 4;
const MAX_NOTES: u64 = 1 << 16;
const MAX_ID: u32 = 1 << 10;

pub(super) fn read(source: &Source, elf: &Elf) -> Option<String> {
    let mut reader = source.reader();
    let mut gnu = None;
    for extent in elf.notes.iter().take(32) {
        if let Some(go) = read_notes(&mut reader, *extent, &mut gnu) {
            return Some(go);
        }
    }
    gnu
}

/// Walks {u32 name size, u32 description size, u32 type, name, description}, parts padded to 4 bytes.
fn read_notes(reader: &mut Reader<'_>, extent: Extent, gnu: &mut Option<String>) -> Option<String> {
    let end = extent.offset.saturating_add(extent.size.min(MAX_NOTES));
    let mut at = extent.offset;
    while at.saturating_add(12) <= end {
        let name_size = reader.u32(at).ok()?;
        let id_size = reader.u32(at.saturating_add(4)).ok()?;
        let kind = reader.u32(at.saturating_add(8)).ok()?;
        let name_at = at.saturating_add(12);
        let id_at = name_at.saturating_add(padded(name_size));
        at = id_at.saturating_add(padded(id_size));
        if at > end || name_size != 4 || id_size > MAX_ID {
            continue;
        }
        let name = reader.array::<4>(name_at).ok()?;
        let id = reader.bytes(id_at, id_size.into()).ok()?;
        match (&name, kind) {
            (b"Go\0\0", GO_BUILD_ID) => return Some(String::from_utf8_lossy(&id).into_owned()),
            (b"GNU\0", object::elf::NT_GNU_BUILD_ID) => *gnu = Some(hex(&id)),
            _ => {}
        }
    }
    None
}

fn padded(size: u32) -> u64 {
    u64::from(size).next_multiple_of(4)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
