//! Probes: what was watched, with how many sites, and how the hits add up.

use super::{
    Page, facts, fit,
    line::{Line, Style},
    table::{Cell, Column, Table},
    units,
};
use crate::report::{Probe, ProbeState, Report, Site, SiteCost, SiteKind};

const COLUMNS: [Column; 11] = [
    Column::left("PROBE"),
    Column::left("STATE"),
    Column::right("FUNCS").optional(5),
    Column::right(EMULATED).optional(1),
    Column::right(STEPPED).optional(1),
    Column::right("ON").optional(3),
    Column::right("COST").optional(2),
    Column::right("HITS"),
    Column::right("DONE"),
    Column::right("OPEN"),
    Column::right("LOST"),
];
const EMULATED: &str = "EMUL";
const STEPPED: &str = "STEP";
const INDENT: usize = 2;

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    if report.probes.is_empty() {
        return;
    }
    page.heading("PROBES", "hits = done + open + lost");
    let rows = report.probes.iter().map(row).collect();
    let table = Table::new(&COLUMNS, rows, INDENT, page.width);
    page.push(table.header());
    for (index, probe) in report.probes.iter().enumerate().take(table.n_rows()) {
        let reason = probe.reason.as_deref().map(fit::name);
        match reason {
            Some(reason) if is_off(probe) => {
                let beginning = table.beginning(index, 2).plain("  ");
                page.prose(beginning, Style::Secondary, &reason);
            }
            Some(reason) => {
                page.push(table.row(index));
                page.prose(Line::indented(INDENT + 2), Style::Secondary, &reason);
            }
            None => page.push(table.row(index)),
        }
        if page.options.verbose {
            if let Some(cost) = facts::probe_cost(probe) {
                page.prose(Line::indented(INDENT + 2), Style::Secondary, &cost);
            }
            sites(&probe.sites, page);
        }
    }
    if table.shows(EMULATED) {
        page.prose(
            Line::indented(INDENT),
            Style::Secondary,
            &site_costs(report),
        );
    }
}

/// Whether there is nothing to count: the probe was never on.
fn is_off(probe: &Probe) -> bool {
    let is_off = matches!(
        probe.state,
        ProbeState::Skipped | ProbeState::Refused | ProbeState::Dropped
    );
    is_off && probe.hits == 0
}

fn site_costs(report: &Report) -> String {
    let what = format!(
        "{EMULATED}, {STEPPED}: sites whose instruction the kernel emulates or single-steps"
    );
    let cost = |ns: f64| units::duration(ns.max(0.0).round() as u64);
    match (report.host.emulated_hit_ns, report.host.stepped_hit_ns) {
        (Some(emulated), Some(stepped)) => format!(
            "{what}; a hit costs the target {} or {}.",
            cost(emulated),
            cost(stepped)
        ),
        _ => format!("{what}; what a hit costs was not measured."),
    }
}

fn row(probe: &Probe) -> Vec<Cell> {
    let (state, style) = match probe.state {
        ProbeState::Attached => ("attached", Style::Plain),
        ProbeState::Windowed => ("windowed", Style::Plain),
        ProbeState::Skipped => ("skipped", Style::Secondary),
        ProbeState::Refused => ("refused", Style::Warning),
        ProbeState::Dropped => ("dropped", Style::Warning),
    };
    let n_sites = |cost| probe.sites.iter().filter(|site| site.cost == cost).count() as u64;
    let lost = lost(probe);
    let on = if probe.observed_share < 1.0 {
        units::share(probe.observed_share)
    } else {
        String::new()
    };
    vec![
        Cell::styled(
            Style::Strong,
            fit::shorten_middle(&fit::name(&probe.name), 20),
        ),
        Cell::styled(style, state),
        number(probe.functions.len() as u64),
        number(n_sites(SiteCost::Emulated)),
        number(n_sites(SiteCost::Stepped)),
        Cell::new(on),
        Cell::new(probe.cost_share.map(units::share).unwrap_or_default()),
        number(probe.hits),
        number(probe.completed),
        number(probe.open),
        Cell {
            style: if lost > 0 {
                Style::Warning
            } else {
                Style::Secondary
            },
            ..number(lost)
        },
    ]
}

/// Returns how many hits are accounted for as lost, for whatever reason.
pub(super) fn lost(probe: &Probe) -> u64 {
    probe.lost.values().copied().fold(0, u64::saturating_add)
}

fn number(n: u64) -> Cell {
    Cell {
        text: units::count(n),
        style: if n == 0 {
            Style::Secondary
        } else {
            Style::Plain
        },
    }
}

/// Every site, below the function that it is in.
pub(super) fn sites(sites: &[Site], page: &mut Page<'_>) {
    let mut function = None;
    for site in sites {
        if function != Some(&site.function) {
            let room = page.width - INDENT - 2;
            let name = fit::shorten_middle(&fit::name(&site.function), room);
            page.push(Line::indented(INDENT + 2).plain(name));
            function = Some(&site.function);
        }
        page.push(one_site(site));
    }
}

fn one_site(site: &Site) -> Line {
    let kind = match site.kind {
        SiteKind::Entry => "entry",
        SiteKind::Exit => "exit",
    };
    let cost = match site.cost {
        SiteCost::Emulated => "emulated",
        SiteCost::Stepped => "stepped",
    };
    let instruction = fit::name(&site.instruction);
    let text = format!(
        "{kind:<5}  {cost:<8}  {:#010x}  {instruction}",
        site.file_offset
    );
    Line::indented(INDENT + 4).secondary(text)
}
