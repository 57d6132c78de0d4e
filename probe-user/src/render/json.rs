//! The report as JSON: the fields of [`crate::report`] in their order, indented, with a newline at the end.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};

use crate::{escape, report::Report};

/// JSON Schema (draft 2020-12) of the report.
pub const JSON_SCHEMA: &str = include_str!("../../schema/report-v1.json");

/// Longest string, in bytes; a name that is longer is cut and says by how much. Go's own names of generic
/// functions reach some hundred bytes.
const MAX_STRING_BYTES: usize = 4096;

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write_value(report, out)
}

/// Writes any value the same way.
pub(super) fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(
        &mut *out,
        InertFormatter::default(),
    ))?;
    out.write_all(b"\n")
}

/// Escapes what a terminal would obey, beyond what JSON asks for, and bounds strings.
///
/// Histograms are not cut: they are made here, not by the target, and half of one is worth nothing.
#[derive(Default)]
struct InertFormatter {
    pretty: PrettyFormatter<'static>,
    is_key: bool,
    is_histogram: bool,
    n_written: usize,
    n_cut: usize,
}

impl InertFormatter {
    /// Returns how many of `wanted` more bytes the string may take, on a character boundary of `text`.
    fn room(&mut self, text: &str) -> usize {
        if self.is_histogram {
            return text.len();
        }
        let mut end = text
            .len()
            .min(MAX_STRING_BYTES.saturating_sub(self.n_written));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.n_written += end;
        self.n_cut += text.len() - end;
        end
    }
}

impl Formatter for InertFormatter {
    fn begin_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        (self.n_written, self.n_cut) = (0, 0);
        writer.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if self.n_cut > 0 {
            write!(writer, "… {} bytes more", self.n_cut)?;
        }
        writer.write_all(b"\"")
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.is_key {
            self.is_histogram = fragment == "histogram";
        }
        let end = self.room(fragment);
        write_inert(writer, fragment.get(..end).unwrap_or_default())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        char_escape: CharEscape,
    ) -> io::Result<()> {
        // Every escaped character is one byte of ASCII.
        if self.room("?") == 0 {
            Ok(())
        } else {
            self.pretty.write_char_escape(writer, char_escape)
        }
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.pretty.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        (self.is_key, self.is_histogram) = (true, false);
        self.pretty.begin_object_key(writer, first)
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.is_key = false;
        self.pretty.end_object_key(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.pretty.end_object_value(writer)
    }
}

fn write_inert<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    if !is_unsafe(text) {
        return writer.write_all(text.as_bytes());
    }
    for character in text.chars() {
        if is_unsafe(character.encode_utf8(&mut [0; 4])) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        } else {
            write!(writer, "{character}")?;
        }
    }
    Ok(())
}

fn is_unsafe(text: &str) -> bool {
    matches!(escape::terminal(text), Cow::Owned(_))
}
