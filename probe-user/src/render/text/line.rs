//! Lines of styled text, and how they reach a writer.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::{TextOptions, fit};
use crate::escape;

/// What a piece of text is, not how it looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    Strong,
    Secondary,
    Critical,
    Warning,
    Info,
    Bar,
}

impl Style {
    const fn ansi(self) -> Ansi {
        match self {
            Self::Plain => Ansi::new(),
            Self::Strong => Ansi::new().bold(),
            Self::Secondary => Ansi::new().dimmed(),
            Self::Critical => Ansi::new()
                .bold()
                .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red))),
            Self::Warning => Ansi::new()
                .bold()
                .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow))),
            Self::Bar => Ansi::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan))),
            Self::Info => Ansi::new()
                .bold()
                .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan))),
        }
    }
}

/// One line; its text holds no line break.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    spans: Vec<(Style, String)>,
}

impl Line {
    /// Returns a line that begins with `columns` spaces.
    pub(super) fn indented(columns: usize) -> Self {
        Self::default().plain(" ".repeat(columns))
    }

    pub(super) fn plain(self, text: impl Into<String>) -> Self {
        self.styled(Style::Plain, text)
    }

    pub(super) fn strong(self, text: impl Into<String>) -> Self {
        self.styled(Style::Strong, text)
    }

    pub(super) fn secondary(self, text: impl Into<String>) -> Self {
        self.styled(Style::Secondary, text)
    }

    pub(super) fn styled(mut self, style: Style, text: impl Into<String>) -> Self {
        self.spans.push((style, text.into()));
        self
    }

    /// Fills with spaces up to `column`.
    pub(super) fn padded_to(self, column: usize) -> Self {
        let missing = column.saturating_sub(self.columns());
        self.plain(" ".repeat(missing))
    }

    pub(super) fn columns(&self) -> usize {
        self.spans.iter().map(|(_, text)| fit::columns(text)).sum()
    }

    /// Writes the line, its end included, in at most `width` columns and without a control character,
    /// whatever the spans hold.
    pub(super) fn write(
        &self,
        options: &TextOptions,
        width: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut room = width;
        let n_spans = self
            .spans
            .iter()
            .rposition(|(_, text)| !text.trim_end().is_empty());
        for (index, (style, text)) in self.spans.iter().enumerate() {
            if n_spans.is_none_or(|last| index > last) {
                break;
            }
            let text = if n_spans == Some(index) {
                text.trim_end()
            } else {
                text
            };
            let text = escape::terminal(text).replace('\u{a0}', " ");
            let text = fit::shorten_end(&text, room);
            room -= fit::columns(&text);
            let text = if options.ascii { in_ascii(&text) } else { text };
            if options.color && *style != Style::Plain && !text.trim().is_empty() {
                let ansi = style.ansi();
                write!(out, "{ansi}{text}{ansi:#}")?;
            } else {
                out.write_all(text.as_bytes())?;
            }
        }
        out.write_all(b"\n")
    }
}

/// Replaces each character outside ASCII by as many of ASCII as it has columns.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            ' '..='~' => ascii.push(character),
            'µ' => ascii.push('u'),
            '·' => ascii.push('-'),
            '…' => ascii.push('~'),
            '●' => ascii.push('*'),
            '▸' => ascii.push('>'),
            '✓' => ascii.push('+'),
            '✗' => ascii.push('x'),
            '▁'..='█' => {
                const LEVELS: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];
                let level = character as usize - '▁' as usize;
                ascii.push(LEVELS.get(level).copied().unwrap_or('@'));
            }
            other => ascii.extend(std::iter::repeat_n('?', fit::char_columns(other))),
        }
    }
    ascii
}
