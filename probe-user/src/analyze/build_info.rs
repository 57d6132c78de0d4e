//! `.go.buildinfo` to the Go version, the modules and the build settings.
//!
//! The form since Go 1.18 (src/debug/buildinfo/buildinfo.go): 14 bytes of magic, pointer size, flags (2:
//! strings are in place), padding to 32, then two strings with a varint length: the version, and the lines
//! of `debug.BuildInfo` between two sentinels of 16 bytes.

use std::io;

use super::{
    elf::{Elf, Extent, Load},
    reader::Reader,
    source::Source,
};

/// `\xff Go bui`, and the rest of the magic after it.
const MAGIC_START: u64 = u64::from_le_bytes(*b"\xff Go bui");
const MAGIC_END: &[u8; 6] = b"ldinf:";
const STRINGS_IN_PLACE: u8 = 2;
const HEADER_SIZE: u64 = 32;
const SENTINEL: usize = 16;
/// Lines of a few hundred modules make some 30 KB.
const MAX_LINES: u64 = 4 << 20;
const MAX_VERSION: u64 = 1 << 10;
const MAX_ENTRIES: usize = 1 << 14;

/// What `go version -m` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// As recorded, for example `go1.27.3`, or that the file does not say.
    pub go_version: String,
    /// Import path of package main.
    pub path: Option<String>,
    /// Path of the main module.
    pub module: Option<String>,
    /// Paths of the other modules.
    pub deps: Vec<String>,
    pub settings: Vec<(String, String)>,
}

impl BuildInfo {
    /// What there is of a file without it.
    pub(super) fn unknown() -> Self {
        Self {
            go_version: "unknown Go version".to_owned(),
            ..Self::default()
        }
    }

    /// Returns a build setting, such as `-trimpath` or `CGO_ENABLED`.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings
            .iter()
            .find(|(found, _)| found == key)
            .map(|(_, value)| value.as_str())
    }

    /// Finds the build info in its section or, as Go does, in writable data; `None` if there is none.
    pub(super) fn read(source: &Source, elf: &Elf) -> io::Result<Option<Self>> {
        let section = elf.section(".go.buildinfo").map(|section| section.extent);
        let mapped = elf
            .loads
            .iter()
            .filter(|load| load.writable)
            .map(Load::extent);
        for extent in section.into_iter().chain(mapped) {
            let mut inner = source.reader();
            let mut info = None;
            let end = extent.offset.saturating_add(extent.size);
            source.reader_over(extent.size).find_word(
                extent.offset,
                end,
                MAGIC_START,
                |offset| {
                    info = Self::read_at(&mut inner, offset, end).ok().flatten();
                    info.is_some()
                },
            )?;
            if info.is_some() {
                return Ok(info);
            }
        }
        Ok(None)
    }

    fn read_at(reader: &mut Reader<'_>, offset: u64, end: u64) -> io::Result<Option<Self>> {
        let [_, _, _, _, _, _, _, _, magic @ .., _pointer_size, flags] =
            reader.array::<16>(offset)?;
        if magic != *MAGIC_END || flags & STRINGS_IN_PLACE == 0 {
            return Ok(None);
        }
        let mut at = offset.saturating_add(HEADER_SIZE);
        let extent = |at: u64| Extent {
            offset: at,
            size: end.saturating_sub(at),
        };
        let Some(version) = string(reader, extent(at), MAX_VERSION, &mut at)? else {
            return Ok(None);
        };
        let lines = string(reader, extent(at), MAX_LINES, &mut at)?.unwrap_or_default();
        let mut info = Self {
            go_version: String::from_utf8_lossy(&version).into_owned(),
            ..Self::default()
        };
        let framed = lines
            .len()
            .checked_sub(SENTINEL)
            .and_then(|end| lines.get(SENTINEL..end));
        info.read_lines(&String::from_utf8_lossy(framed.unwrap_or_default()));
        Ok(Some(info))
    }

    fn read_lines(&mut self, text: &str) {
        for line in text.lines() {
            let Some((kind, rest)) = line.split_once('\t') else {
                continue;
            };
            let path = || rest.split('\t').next().unwrap_or(rest).to_owned();
            match kind {
                "path" => self.path = Some(rest.to_owned()),
                "mod" => self.module = Some(path()),
                "dep" | "=>" if self.deps.len() < MAX_ENTRIES => self.deps.push(path()),
                "build" if self.settings.len() < MAX_ENTRIES => self.settings.extend(setting(rest)),
                _ => {}
            }
        }
    }
}

/// Reads `key=value`, each of which may be quoted.
fn setting(text: &str) -> Option<(String, String)> {
    let (key, value) = match text.strip_prefix(['"', '`']) {
        Some(rest) => rest.split_once("\"=").or_else(|| rest.split_once("`="))?,
        None => text.split_once('=')?,
    };
    Some((key.to_owned(), unquote(value)))
}

/// Undoes Go's quoting as far as values of build settings use it.
fn unquote(value: &str) -> String {
    let quoted = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
    };
    if let Some(raw) = quoted('`') {
        return raw.to_owned();
    }
    let Some(escaped) = quoted('"') else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(escaped.len());
    let mut chars = escaped.chars();
    while let Some(char) = chars.next() {
        plain.push(match char {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => '\\',
            },
            char => char,
        });
    }
    plain
}

/// Reads a string with a varint length and moves `at` behind it; `None` if it is not all there.
fn string(
    reader: &mut Reader<'_>,
    within: Extent,
    limit: u64,
    at: &mut u64,
) -> io::Result<Option<Vec<u8>>> {
    let (mut len, mut start) = (0_u64, within.offset);
    for shift in (0..=28).step_by(7) {
        let byte = reader.u8(start)?;
        start = start.saturating_add(1);
        len |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let room = within
        .size
        .saturating_sub(start.saturating_sub(within.offset));
    if len > room.min(limit) {
        return Ok(None);
    }
    *at = start.saturating_add(len);
    reader.bytes(start, len).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_modules_and_settings() {
        let mut info = BuildInfo::default();
        info.read_lines(concat!(
            "path\texample.com/a/cmd/x\n",
            "mod\texample.com/a\tv1.2.3\th1:abc=\n",
            "dep\trsc.io/quote\tv1.5.2\n",
            "=>\t./fork\tv0.0.0\th1:def=\n",
            "build\t-ldflags=\"-X main.v=\\\"1\\\"\"\n",
            "build\tCGO_ENABLED=0\n",
            "unknown\tline\n",
        ));
        assert_eq!(info.path.as_deref(), Some("example.com/a/cmd/x"));
        assert_eq!(info.module.as_deref(), Some("example.com/a"));
        assert_eq!(info.deps, ["rsc.io/quote", "./fork"]);
        assert_eq!(info.setting("-ldflags"), Some("-X main.v=\"1\""));
        assert_eq!(info.setting("CGO_ENABLED"), Some("0"));
        assert_eq!(info.setting("GOOS"), None);
    }
}
