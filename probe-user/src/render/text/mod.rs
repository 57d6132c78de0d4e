//! The report as text: what an engineer under pressure reads from the top and stops where it is enough.
//!
//! Each section turns its part of the report into [`Line`]s; only [`Line::write`] knows colours, ASCII and
//! the width, and it enforces them.

mod bar;
mod call_sites;
pub(super) mod cpu;
mod doctor;
mod dump;
mod explain;
pub(super) mod facts;
pub(super) mod findings;
mod fit;
mod limits;
mod line;
mod plan;
mod probes;
mod ps;
mod rules;
mod table;
mod target;

use std::{
    io::{self, Write},
    path::Path,
};

use self::line::{Line, Style};
use super::{TextOptions, ranking, units};
use crate::{escape, report::Report};

/// Bounds of the width that is laid out for: tables need the first, prose is hard to read beyond the second.
const WIDTH: (usize, usize) = (72, 160);
/// Prose is broken here even when the terminal is wider.
const PROSE_WIDTH: usize = 100;

pub(super) fn write(report: &Report, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    target::title(report, &mut page);
    findings::section(report, &mut page);
    target::section(report, &mut page);
    cpu::section(report, &mut page);
    probes::section(report, &mut page);
    call_sites::section(report, &mut page);
    rules::section(report, &mut page);
    limits::cannot_see(report, &mut page);
    limits::lost(report, &mut page);
    for line in &page.lines {
        line.write(options, page.width, out)?;
    }
    Ok(())
}

pub use self::{
    doctor::write as write_doctor,
    dump::write as write_dump,
    explain::{write as write_explanation, write_list as write_catalogue},
    plan::write as write_plan,
    ps::write as write_ps,
};

/// Returns the lines that a caller prints below a report: the files it wrote, each with what it is, and the
/// command to type next.
pub fn footer(files: &[(&str, &Path)], next: &str) -> String {
    let widest = files
        .iter()
        .map(|(kind, _)| fit::columns(kind))
        .max()
        .unwrap_or(0)
        .max(4);
    let rows = files
        .iter()
        .map(|(kind, path)| (*kind, path.display().to_string()));
    let next = (!next.is_empty()).then(|| ("next", next.to_owned()));
    let line = |(kind, value): (&str, String)| {
        let padding = " ".repeat(widest.saturating_sub(fit::columns(kind)));
        format!("{kind}{padding}  {}\n", escape::terminal(&value))
    };
    rows.chain(next).map(line).collect::<Vec<_>>().concat()
}

/// The lines written so far, and what every section needs to know.
struct Page<'a> {
    options: &'a TextOptions,
    width: usize,
    lines: Vec<Line>,
}

impl<'a> Page<'a> {
    fn new(options: &'a TextOptions) -> Self {
        let width = options.width.clamp(WIDTH.0, WIDTH.1);
        Self {
            options,
            width,
            lines: Vec::new(),
        }
    }

    fn push(&mut self, line: Line) {
        self.lines.push(line);
    }

    fn blank(&mut self) {
        self.lines.push(Line::default());
    }

    /// Begins a section; `note` says in a few words what is in it.
    fn heading(&mut self, title: &str, note: &str) {
        self.blank();
        self.push(Line::default().strong(title).secondary(format!("  {note}")));
    }

    /// Writes prose, broken into lines that begin below the end of `first`.
    fn prose(&mut self, first: Line, style: Style, text: &str) {
        let indent = first.columns();
        let width = self.width.min(PROSE_WIDTH).saturating_sub(indent);
        let mut first = Some(first);
        for part in fit::wrap(text, width) {
            let begin = first.take().unwrap_or_else(|| Line::indented(indent));
            self.push(begin.styled(style, part));
        }
    }

    /// Writes a named value, `  name      value`, the value broken into lines where it is long.
    fn field(&mut self, name: &str, value: &str) {
        let label = Line::indented(2).secondary(name).padded_to(14);
        self.prose(label, Style::Plain, value);
    }
}
