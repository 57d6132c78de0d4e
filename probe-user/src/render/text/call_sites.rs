//! Call sites: where the program does what the probes watch, how often, and how long it takes there.

use std::collections::BTreeMap;

use super::{
    Page, bar, facts, fit,
    line::{Line, Style},
    ranking,
    table::{Cell, Column, Table},
    units,
};
use crate::{
    histogram,
    render::Sort,
    report::{CallSite, Latency, Report, StackFrame},
};

const COLUMNS: [Column; 10] = [
    Column::left("PROBE"),
    Column::right("COUNT"),
    Column::right("RATE"),
    Column::right("P50"),
    Column::right("P90").optional(2),
    Column::right("P99"),
    Column::right("MAX"),
    Column::right("TOTAL"),
    Column::right("SHARE"),
    Column::left(LATENCY).optional(1),
];
const LATENCY: &str = "DISTRIBUTION";
/// Cells of the bar as a column, and at the end of the second line where there is no room for the column.
const BAR_CELLS: (usize, usize) = (12, 8);
const INDENT: usize = 2;

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    if report.call_sites.is_empty() {
        page.heading("CALL SITES", "none");
        return page.prose(
            Line::indented(INDENT),
            Style::Plain,
            &facts::nothing_seen(report),
        );
    }
    let mut sites = ranking::ranked(report, page.options.sort);
    let n_hidden = hide(&mut sites, page.options.top);
    page.heading("CALL SITES", &order(report, n_hidden, page.options.sort));
    let totals = ranking::totals(report);
    let rows = sites.iter().map(|site| row(site, &totals)).collect();
    let table = Table::new(&COLUMNS, rows, INDENT, page.width);
    page.push(table.header());
    for (index, site) in sites.iter().enumerate().take(table.n_rows()) {
        page.push(table.row(index));
        let bar = if table.shows(LATENCY) {
            None
        } else {
            drawn(site, BAR_CELLS.1)
        };
        second_line(site, bar, page);
        extras(site, page);
        if page.options.verbose {
            stack(site, page);
        }
    }
    notes(report, n_hidden, page);
}

fn order(report: &Report, n_hidden: usize, sort: Sort) -> String {
    let n_all = report.call_sites.len();
    match n_hidden {
        0 => ranking::words(sort).to_owned(),
        _ => format!(
            "first {} of {n_all} {}",
            n_all - n_hidden,
            ranking::words(sort)
        ),
    }
}

/// Keeps the first `top` sites and returns how many it cut; 0 keeps all.
fn hide(sites: &mut Vec<&CallSite>, top: usize) -> usize {
    let n_all = sites.len();
    if top > 0 {
        sites.truncate(top);
    }
    n_all - sites.len()
}

fn row(site: &CallSite, totals: &BTreeMap<&str, u64>) -> Vec<Cell> {
    let about = if site.count_low == site.count_high {
        ""
    } else {
        "~"
    };
    let mut cells = vec![
        Cell::styled(
            Style::Strong,
            fit::shorten_middle(&fit::name(&site.probe), 20),
        ),
        Cell::new(format!("{about}{}", units::count(site.count))),
        Cell::new(units::rate(site.rate_per_s)),
    ];
    match &site.latency {
        Some(latency) => {
            let quantiles = [
                latency.p50_ns,
                latency.p90_ns,
                latency.p99_ns,
                latency.max_ns,
            ];
            cells.extend(quantiles.map(|ns| told(ns, latency)));
            let total_ns = ranking::total_ns(site).unwrap_or(latency.sum_ns);
            cells.push(Cell::new(units::duration(total_ns)));
            cells.push(Cell::new(
                ranking::share(site, totals).map_or_else(String::new, units::share),
            ));
        }
        None => cells.extend((0..6).map(|_| Cell::styled(Style::Secondary, "·"))),
    }
    cells.push(Cell::styled(
        Style::Bar,
        drawn(site, BAR_CELLS.0).unwrap_or_default(),
    ));
    cells
}

/// A latency, or that it is too short to be told.
fn told(ns: u64, latency: &Latency) -> Cell {
    match latency.floor_ns {
        Some(floor_ns) if ns < floor_ns => Cell::styled(Style::Secondary, "< floor"),
        _ => Cell::new(units::duration(ns)),
    }
}

fn drawn(site: &CallSite, n_cells: usize) -> Option<String> {
    let histogram = histogram::decode(&site.latency.as_ref()?.histogram).ok()?;
    (!histogram.is_empty()).then(|| bar::draw(&histogram, n_cells))
}

/// Where it is: `function  file:line`, and the bar at the right edge.
fn second_line(site: &CallSite, bar: Option<String>, page: &mut Page<'_>) {
    let indent = INDENT + 2;
    let bar_columns = if bar.is_some() { BAR_CELLS.1 + 2 } else { 0 };
    let room = page.width - indent - bar_columns;
    let line = place(
        Line::indented(indent),
        &site.function,
        &site.file,
        site.line,
        room,
    );
    page.push(match bar {
        Some(bar) => line
            .padded_to(page.width - BAR_CELLS.1)
            .styled(Style::Bar, bar),
        None => line,
    });
}

/// Appends `function  file:line` in at most `room` columns: the path gives way first, down to a third, then the
/// directories of the function's package.
pub(super) fn place(line: Line, function: &str, file: &str, number: u32, room: usize) -> Line {
    let function = fit::name(function);
    let file = if number == 0 {
        fit::name(file)
    } else {
        format!("{}:{number}", fit::name(file))
    };
    let room = room.saturating_sub(2);
    let file_room = room.saturating_sub(fit::columns(&function)).max(room / 3);
    let file = fit::shorten_path(&file, file_room);
    let function = fit::shorten_function(&function, room.saturating_sub(fit::columns(&file)));
    line.plain(function).secondary(format!("  {file}"))
}

/// What is true of this call site only.
fn extras(site: &CallSite, page: &mut Page<'_>) {
    let mut facts = Vec::new();
    if let Some(outer) = &site.inlined_into {
        facts.push(format!(
            "inlined\u{a0}into\u{a0}{}",
            fit::shorten_middle(&fit::name(outer), 48)
        ));
    }
    if let Some(reason) = &site.reason {
        facts.push(format!(
            "reason:\u{a0}{}",
            fit::shorten_middle(&fit::name(reason), 48)
        ));
    }
    if let Some(bytes) = site.bytes {
        let rate = site
            .bytes_per_s
            .map(|rate| format!(" ({}/s)", units::bytes(rate)));
        let bytes = units::bytes(bytes as f64);
        facts.push(format!("{bytes} allocated{}", rate.unwrap_or_default()));
    }
    if site.count_low != site.count_high {
        let (low, high) = (units::count(site.count_low), units::count(site.count_high));
        let from = match site.hits {
            0 => "the program's own memory profile".to_owned(),
            hits => units::counted(hits, "hit"),
        };
        facts.push(format!("{low} to {high} estimated from {from}"));
    }
    if !facts.is_empty() {
        page.prose(
            Line::indented(INDENT + 2),
            Style::Secondary,
            &facts.join(" · "),
        );
    }
}

fn stack(site: &CallSite, page: &mut Page<'_>) {
    for frame in &site.stack {
        let mark = if is_call_site(site, frame) {
            "▸ "
        } else {
            "  "
        };
        let line = Line::indented(INDENT + 4).secondary(mark);
        let inlined = if frame.inlined { " (inlined)" } else { "" };
        let room = page.width - line.columns() - inlined.len();
        let line = place(line, &frame.function, &frame.file, frame.line, room);
        page.push(line.secondary(inlined));
    }
}

fn is_call_site(site: &CallSite, frame: &StackFrame) -> bool {
    frame.function == site.function && frame.file == site.file && frame.line == site.line
}

fn notes(report: &Report, n_hidden: usize, page: &mut Page<'_>) {
    if n_hidden > 0 {
        let all = report.call_sites.len();
        let line = format!(
            "{} more: --top {all} shows them",
            units::counted(n_hidden as u64, "call site")
        );
        page.prose(Line::indented(INDENT), Style::Plain, &line);
    }
    let mut notes = Vec::new();
    if report.call_sites.iter().any(|site| site.latency.is_some()) {
        notes.push("SHARE is of the probe's total time.".to_owned());
    }
    if report
        .call_sites
        .iter()
        .any(|site| drawn(site, 1).is_some())
    {
        notes.push("Bars run from the fastest to the slowest operation, log scale.".to_owned());
    }
    let floors = floors(report);
    if !floors.is_empty() {
        notes.push(format!(
            "< floor: too short to tell, below {}.",
            floors.join(", ")
        ));
    }
    if !notes.is_empty() {
        page.prose(Line::indented(INDENT), Style::Secondary, &notes.join(" "));
    }
}

/// Returns `400 ns (chan-send)` for each floor that hid a value.
fn floors(report: &Report) -> Vec<String> {
    let mut probes: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for site in &report.call_sites {
        let Some(latency) = &site.latency else {
            continue;
        };
        let Some(floor_ns) = latency
            .floor_ns
            .filter(|&floor_ns| latency.p50_ns < floor_ns)
        else {
            continue;
        };
        let names = probes.entry(floor_ns).or_default();
        if !names.contains(&site.probe.as_str()) {
            names.push(&site.probe);
        }
    }
    let text = |(ns, names): (u64, Vec<&str>)| {
        let names: Vec<_> = names.into_iter().map(fit::name).collect();
        format!("{} ({})", units::duration(ns), names.join(", "))
    };
    probes.into_iter().map(text).collect()
}
