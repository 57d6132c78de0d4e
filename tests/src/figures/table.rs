//! Tables in Markdown.

use std::fmt;

/// A table whose rows are written as they are measured, when it is displayed.
#[derive(Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, and shows on stderr that there is progress.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        log(&cells.join("  "));
        self.rows.push(cells);
    }
}

#[expect(
    clippy::print_stderr,
    reason = "progress, beside the figures on stdout"
)]
pub fn log(line: &str) {
    eprintln!("[bench] {line}");
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| {} |", self.head.join(" | "))?;
        writeln!(f, "|{}", "---|".repeat(self.head.len()))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_line_per_row() {
        let mut table = Table::new(&["site", "ns"]);
        table.row(["push".to_owned(), "650".to_owned()]);
        assert_eq!(
            table.to_string(),
            "| site | ns |\n|---|---|\n| push | 650 |\n"
        );
    }
}
