//! Tables in Markdown.

use std::fmt;

use super::stats::Spread;

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

/// Shows shares as per cent.
pub fn percent(share: &Spread) -> String {
    let Spread { low, median, high } = share;
    if median.is_nan() {
        return "–".to_owned();
    }
    format!("{:.1} % ({:.1}…{:.1})", median * 1e2, low * 1e2, high * 1e2)
}

/// Shows nanoseconds in the unit that suits them, to three digits.
pub fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        ..1e3 => (nanos, "ns"),
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    let digits = match value {
        ..10.0 if nanos >= 1e3 => 2,
        ..100.0 if nanos >= 1e3 => 1,
        _ => 0,
    };
    format!("{value:.digits$} {unit}")
}

/// What has come of something that was wanted.
pub fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**missed**" }
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
    fn shares_are_shown_as_per_cent() {
        let spread = Spread::whole([0.021, 0.0, 0.034]);
        assert_eq!(percent(&spread), "2.1 % (0.0…3.4)");
        assert_eq!(percent(&Spread::of([])), "–");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(time(87.4), "87 ns");
        assert_eq!(time(1_234.0), "1.23 µs");
        assert_eq!(time(98_765_432.0), "98.8 ms");
    }

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
