//! Turns a [`Report`] into bytes: text for people, JSON for programs, profiles for other tools.
//!
//! Every name in a report came from the target and is hostile: each format makes it inert in its own way,
//! and bounds it. Nothing here reads files, asks the terminal or knows where the bytes go.

mod dump;
mod folded;
mod html;
mod json;
mod names;
mod plan;
mod pprof;
mod ranking;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod text;
mod units;

use std::io::{self, Write};

pub use dump::{Dump, write_dump_json};
pub use json::JSON_SCHEMA;
pub use plan::{Glimpse, Plan, PlannedProbe, Prices};
pub use text::{
    footer, write_catalogue, write_doctor, write_dump, write_explanation, write_plan, write_ps,
};

use crate::report::Report;

/// What a report is rendered as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
    /// One self-contained page.
    Html,
    /// Gzipped `profile.proto`, for `go tool pprof`.
    Pprof,
    /// One line per call path for flame graphs, valued in nanoseconds.
    Folded,
}

/// What call sites are ordered by in text and HTML, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Sum of latency; the number of hits where there is none.
    #[default]
    Total,
    Count,
    P99,
    Max,
}

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of the terminal; no line is longer. Fewer than 72 count as 72, more than 160 as 160.
    pub width: usize,
    pub color: bool,
    /// Nothing outside ASCII but what names hold.
    pub ascii: bool,
    /// Call sites to show; 0 shows all.
    pub top: usize,
    pub sort: Sort,
    /// Shows the stack of every call site and every site of every probe.
    pub verbose: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            width: 80,
            color: false,
            ascii: false,
            top: 20,
            sort: Sort::Total,
            verbose: false,
        }
    }
}

/// Why a report was not rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("failed to write the report")]
    Write(#[from] io::Error),
}

/// Writes `report` to `out` in `format`. `options` matter for [`Format::Text`]; of them, `top` and `sort` for
/// [`Format::Html`] too.
///
/// # Errors
/// When `out` fails.
pub fn render(
    report: &Report,
    format: Format,
    options: &TextOptions,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    match format {
        Format::Text => text::write(report, options, out)?,
        Format::Json => json::write(report, out)?,
        Format::Html => html::write(report, options, out)?,
        Format::Pprof => pprof::write(report, out)?,
        Format::Folded => folded::write(report, out)?,
    }
    Ok(())
}
