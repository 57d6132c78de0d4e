//! Type descriptors: `internal/abi.Type` at Go 1.21 to 1.27 (src/internal/abi/type.go).
//!
//! Size 0, pointer bytes 8, flags 20, kind 23, name 40: read off the debug information of each version. The
//! name is an offset, so that a position-independent binary needs no relocation for it.

use std::io;

use super::{elf::Elf, source::Source};

/// Bytes of the part that all kinds share.
const SIZE: u64 = 48;
const POINTER_BYTES: u64 = 8;
const FLAGS: u64 = 20;
const KIND: u64 = 23;
const NAME: u64 = 40;
/// `TFlagExtraStar`: the name begins with a `*` that is not part of it.
const EXTRA_STAR: u8 = 1 << 1;
/// The other bits of `Kind_` are flags at Go 1.21 to 1.25.
const KIND_MASK: u8 = 31;
/// Bytes of a name that are kept: names of anonymous structs and of instances can be of any length.
const MAX_NAME: u64 = 512;

/// A type as the runtime sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoType {
    /// As Go prints it, packages by their last element: `[]uint8`, `*http.Request`,
    /// `struct { F uintptr; X0 *int }`. At most 512 bytes; `…` ends what was longer.
    pub name: String,
    pub size_bytes: u64,
    /// Bytes from the begin of a value up to and with its last pointer; 0: the collector does not look into it.
    pub pointer_bytes: u64,
    pub kind: TypeKind,
}

/// What a type is made of, as far as rules ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    Array,
    Chan,
    Func,
    Interface,
    Map,
    Pointer,
    Slice,
    String,
    Struct,
    /// A boolean or a number.
    Basic,
}

impl TypeKind {
    /// Numbers of `abi.Kind`, the same as those of `reflect.Kind`.
    fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1..=16 | 26 => Self::Basic,
            17 => Self::Array,
            18 => Self::Chan,
            19 => Self::Func,
            20 => Self::Interface,
            21 => Self::Map,
            22 => Self::Pointer,
            23 => Self::Slice,
            24 => Self::String,
            25 => Self::Struct,
            _ => return None,
        })
    }
}

/// Reads the descriptor at `address`, whose name counts from `types`.
pub(super) fn read(source: &Source, elf: &Elf, types: u64, address: u64) -> Option<GoType> {
    let at = elf
        .locate(address)
        .filter(|found| found.size >= SIZE)?
        .offset;
    let mut reader = source.reader();
    let mut word = |offset: u64| reader.u64(at.checked_add(offset)?).ok();
    let (size_bytes, pointer_bytes) = (word(0)?, word(POINTER_BYTES)?);
    let flags = reader.u8(at.checked_add(FLAGS)?).ok()?;
    let kind = TypeKind::from_number(reader.u8(at.checked_add(KIND)?).ok()? & KIND_MASK)?;
    let name = reader.u32(at.checked_add(NAME)?).ok()?.cast_signed();
    if pointer_bytes > size_bytes {
        return None;
    }
    let mut name = name_at(source, elf, types.checked_add_signed(name.into())?).ok()??;
    if flags & EXTRA_STAR != 0 && name.starts_with('*') {
        name.remove(0);
    }
    Some(GoType {
        name,
        size_bytes,
        pointer_bytes,
        kind,
    })
}

/// `abi.Name`: a byte of flags, the length in base 128, the text.
fn name_at(source: &Source, elf: &Elf, address: u64) -> io::Result<Option<String>> {
    let Some(extent) = elf.locate(address) else {
        return Ok(None);
    };
    let mut reader = source.reader();
    let mut length: u64 = 0;
    // Two bytes hold any name the compiler makes but the longest, five any that fits an `int32`.
    for index in 0..5_u32 {
        let at = extent.offset.saturating_add(1 + u64::from(index));
        let byte = reader.u8(at)?;
        length |= u64::from(byte & 0x7f)
            .checked_shl(index.saturating_mul(7))
            .unwrap_or(0);
        if byte & 0x80 != 0 {
            continue;
        }
        let start = at.saturating_add(1);
        let in_file = extent
            .size
            .saturating_sub(start.saturating_sub(extent.offset));
        if length == 0 || length > in_file {
            return Ok(None);
        }
        let text = reader.bytes(start, length.min(MAX_NAME))?;
        let mut name = String::from_utf8_lossy(&text).into_owned();
        if length > MAX_NAME {
            name.push('…');
        }
        return Ok(Some(name));
    }
    Ok(None)
}
