//! The Go programs of a host as a table.

use std::io::{self, Write};

use super::{
    Page, fit,
    line::Style,
    table::{Cell, Column, Table},
};
use crate::{
    doctor::kind,
    escape,
    ps::{GoProcess, Listing},
    render::TextOptions,
};

/// Digits of a container's identifier, as many as its tools show.
const CONTAINER_DIGITS: usize = 12;
/// Of a module, on a narrow and on a wide terminal.
const MODULE_COLUMNS: (usize, usize) = (20, 36);
const WIDE: usize = 100;
const USER_COLUMNS: usize = 12;

const COLUMNS: [Column; 8] = [
    Column::left("PROGRAM"),
    Column::right("PID"),
    Column::left("GO"),
    Column::left("BINARY").optional(3),
    Column::left("CONTAINER").optional(1),
    Column::left("USER").optional(4),
    Column::right("UP").optional(5),
    Column::left("MODULE").optional(2),
];

/// Writes a listing as a table; a host without Go programs gets a sentence instead.
pub fn write(listing: &Listing, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    if listing.processes.is_empty() {
        return out.write_all(b"no Go program runs here that could be looked into\n");
    }
    let page = Page::new(options);
    let module = if page.width < WIDE {
        MODULE_COLUMNS.0
    } else {
        MODULE_COLUMNS.1
    };
    let rows = listing
        .processes
        .iter()
        .map(|process| row(process, module))
        .collect();
    let table = Table::new(&COLUMNS, rows, 0, page.width);
    table.header().write(options, page.width, out)?;
    for row in 0..table.n_rows() {
        table.row(row).write(options, page.width, out)?;
    }
    Ok(())
}

fn row(process: &GoProcess, module_columns: usize) -> Vec<Cell> {
    let container = process.container_id.as_deref().unwrap_or_default();
    let short: String = container.chars().take(CONTAINER_DIGITS).collect();
    let user = process
        .user
        .clone()
        .unwrap_or_else(|| process.uid.to_string());
    let module = process.module.as_deref().unwrap_or_default();
    vec![
        Cell::styled(Style::Strong, escape::terminal(&process.comm)),
        Cell::new(process.pid.to_string()),
        Cell::new(escape::terminal(&process.go_version)),
        Cell::new(kind(process.binary)),
        Cell::new(short),
        Cell::new(fit::shorten_end(&escape::terminal(&user), USER_COLUMNS)),
        Cell::new(uptime(process.uptime_s)),
        Cell::styled(
            Style::Secondary,
            fit::shorten_middle(&escape::terminal(module), module_columns),
        ),
    ]
}

/// Names a time in its largest unit: `12s`, `7m`, `3h`, `90d`.
fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ps::Skipped, report::Binary};

    fn process(pid: u32, comm: &str, container: bool) -> GoProcess {
        GoProcess {
            pid,
            comm: comm.to_owned(),
            go_version: "go1.27.3".to_owned(),
            module: Some("example.com/company/platform/services/api".to_owned()),
            binary: Binary {
                stripped: pid > 100,
                dwarf: false,
                pie: pid > 100,
                cgo: pid > 100,
                trimpath: false,
            },
            container_id: container.then(|| "4f0c2d1b6a5e".repeat(5) + "4f0c"),
            uid: 1000,
            user: (pid > 100).then(|| "ann".to_owned()),
            uptime_s: u64::from(pid) * 100,
        }
    }

    fn text(processes: Vec<GoProcess>, width: usize) -> String {
        let listing = Listing {
            schema: "rtprobe.ps/v1",
            processes,
            skipped: Skipped::default(),
        };
        let options = TextOptions {
            width,
            ..TextOptions::default()
        };
        let mut out = Vec::new();
        write(&listing, &options, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn narrow_terminal_keeps_what_tells_programs_apart() {
        let rows = vec![process(7, "api", false), process(4711, "worker", true)];
        insta::assert_snapshot!(text(rows, 80), @r"
        PROGRAM    PID  GO        BINARY            CONTAINER     MODULE
        api          7  go1.27.3  plain                           exampl…/services/api
        worker    4711  go1.27.3  stripped pie cgo  4f0c2d1b6a5e  exampl…/services/api
        ");
    }

    #[test]
    fn wide_terminal_shows_everything() {
        let rows = vec![process(7, "api", false), process(4711, "worker", true)];
        insta::assert_snapshot!(text(rows, 120), @r"
        PROGRAM    PID  GO        BINARY            CONTAINER     USER   UP  MODULE
        api          7  go1.27.3  plain                           1000  11m  example.com…ny/platform/services/api
        worker    4711  go1.27.3  stripped pie cgo  4f0c2d1b6a5e  ann    5d  example.com…ny/platform/services/api
        ");
    }

    #[test]
    fn hostile_names_stay_on_their_line() {
        let text = text(vec![process(7, "a\x1b[2J\nb\u{202e}", false)], 80);
        assert_eq!(text.lines().count(), 2);
        assert!(!text.contains(['\x1b', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn empty_host_is_told() {
        assert_eq!(
            text(vec![], 80),
            "no Go program runs here that could be looked into\n"
        );
    }
}
