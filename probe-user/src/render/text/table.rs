//! Columns that line up and give way: optional ones are left out when the width is short.

use super::{
    fit,
    line::{Line, Style},
};

/// Columns between two columns.
const GAP: usize = 2;
/// Least width that the first column is shortened to.
const MIN_FIRST: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) align: Align,
    /// 0: always there; else the highest number is left out first.
    pub(super) optional: u8,
}

impl Column {
    pub(super) const fn left(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Left,
            optional: 0,
        }
    }

    pub(super) const fn right(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Right,
            optional: 0,
        }
    }

    pub(super) const fn optional(self, optional: u8) -> Self {
        Self { optional, ..self }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style: Style::Plain,
        }
    }

    pub(super) fn styled(style: Style, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// A table whose column widths are settled.
#[derive(Debug)]
pub(super) struct Table {
    indent: usize,
    /// Index into the given columns, the column, its width.
    shown: Vec<(usize, Column, usize)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Lays out `rows` in at most `width` columns, `indent` of them left empty. An optional column without
    /// any text is left out.
    pub(super) fn new(
        columns: &[Column],
        rows: Vec<Vec<Cell>>,
        indent: usize,
        width: usize,
    ) -> Self {
        let mut shown: Vec<_> = columns
            .iter()
            .enumerate()
            .filter_map(|(index, &column)| {
                let content = widest(&rows, index);
                let is_shown = column.optional == 0 || content > 0;
                is_shown.then(|| (index, column, content.max(fit::columns(column.title))))
            })
            .collect();
        while total(&shown, indent) > width {
            let first_to_go = shown
                .iter()
                .map(|(_, column, _)| column.optional)
                .max()
                .unwrap_or(0);
            if first_to_go == 0 {
                break;
            }
            shown.retain(|(_, column, _)| column.optional != first_to_go);
        }
        let excess = total(&shown, indent).saturating_sub(width);
        if let Some((_, _, first)) = shown.first_mut() {
            *first = first.saturating_sub(excess).max(MIN_FIRST);
        }
        Self {
            indent,
            shown,
            rows,
        }
    }

    pub(super) fn shows(&self, title: &str) -> bool {
        self.shown
            .iter()
            .any(|(_, column, _)| column.title == title)
    }

    pub(super) fn header(&self) -> Line {
        self.line(usize::MAX, |_, column| {
            Cell::styled(Style::Secondary, column.title)
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn row(&self, row: usize) -> Line {
        self.beginning(row, usize::MAX)
    }

    /// Returns the first `n_columns` of a row, the gap behind them included.
    pub(super) fn beginning(&self, row: usize, n_columns: usize) -> Line {
        let cells = self.rows.get(row).map_or(&[][..], Vec::as_slice);
        self.line(n_columns, |index, _| {
            cells.get(index).cloned().unwrap_or_default()
        })
    }

    fn line(&self, n_columns: usize, cell: impl Fn(usize, &Column) -> Cell) -> Line {
        let mut line = Line::indented(self.indent);
        for (position, (index, column, width)) in self.shown.iter().enumerate().take(n_columns) {
            if position > 0 {
                line = line.plain(" ".repeat(GAP));
            }
            let Cell { text, style } = cell(*index, column);
            let text = fit::shorten_middle(&text, *width);
            let padding = " ".repeat(width.saturating_sub(fit::columns(&text)));
            line = match column.align {
                Align::Left => line.styled(style, text).plain(padding),
                Align::Right => line.plain(padding).styled(style, text),
            };
        }
        line
    }
}

fn widest(rows: &[Vec<Cell>], index: usize) -> usize {
    rows.iter()
        .filter_map(|row| row.get(index))
        .map(|cell| fit::columns(&cell.text))
        .max()
        .unwrap_or(0)
}

fn total(shown: &[(usize, Column, usize)], indent: usize) -> usize {
    indent
        + shown.iter().map(|(_, _, width)| width).sum::<usize>()
        + GAP * shown.len().saturating_sub(1)
}
