//! A plan: what would be on, how often it would be hit, and what that costs.

use std::io::{self, Write};

use super::{
    Page, facts, fit,
    line::{Line, Style},
    probes,
    table::{Cell, Column, Table},
    units,
};
use crate::{
    render::{Plan, PlannedProbe, TextOptions},
    report::{Fate, Prediction, Rate, SiteCost},
};

const COLUMNS: [Column; 7] = [
    Column::left("PROBE"),
    Column::right("SITES"),
    Column::right("STEPPED"),
    Column::right("COST EACH"),
    Column::right("RATE"),
    Column::right("ALWAYS ON"),
    Column::left("DECISION"),
];
const INDENT: usize = 2;

/// Writes a plan as text; with [`TextOptions::verbose`] every site.
pub fn write(plan: &Plan, options: &TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page::new(options);
    title(plan, &mut page);
    summary(plan, &mut page);
    table(plan, &mut page);
    legend(plan, &mut page);
    skipped(plan, &mut page);
    notes(plan, &mut page);
    for line in &page.lines {
        line.write(options, page.width, out)?;
    }
    Ok(())
}

fn title(plan: &Plan, page: &mut Page<'_>) {
    let target = &plan.target;
    let mut line = Line::default().strong(fit::shorten_middle(&fit::name(&target.comm), 24));
    if target.pid != 0 {
        line = line.plain(format!("  pid {}", target.pid));
    }
    let version = fit::shorten_middle(&fit::name(&target.go_version), 16);
    page.push(line.secondary(format!("  {version}  nothing was attached")));
}

fn summary(plan: &Plan, page: &mut Page<'_>) {
    let prices = &plan.prices;
    let ns = |ns: f64| units::duration(ns.max(0.0).round() as u64);
    let basis = match &prices.assumed_because {
        None => "measured on this host".to_owned(),
        Some(why) => format!("assumed, not measured: {}", fit::name(why)),
    };
    page.field(
        "a hit",
        &format!(
            "{}, {} where the kernel single-steps it; counting an operation {} ({basis})",
            ns(prices.emulated_hit_ns),
            ns(prices.stepped_hit_ns),
            ns(prices.counting_ns),
        ),
    );
    if let Some(look) = &plan.look {
        let cpus = look.cpus.map_or_else(
            || "how much CPU time it used is not known".to_owned(),
            |cpus| format!("it used {} CPUs", units::quantity(cpus)),
        );
        let samples = look
            .cpu_samples
            .map(|n| format!(", {}", units::counted(n, "CPU sample")));
        let time = units::duration(look.duration_ns);
        let samples = samples.unwrap_or_default();
        page.field("looked at", &format!("for {time}: {cpus}{samples}"));
    }
    let limit = plan
        .budget_share
        .map_or_else(|| "none".to_owned(), units::share);
    page.field("limit", &limit);
    let expected = facts::predicted_share(plan.predicted_low_share, plan.predicted_high_share);
    let expected = expected.map_or_else(
        || "not known".to_owned(),
        |share| format!("{share} of the target's CPU time"),
    );
    page.field("expected", &expected);
}

fn table(plan: &Plan, page: &mut Page<'_>) {
    let planned: Vec<_> = plan
        .probes
        .iter()
        .filter_map(|probe| Some((probe, probe.predicted.as_ref()?)))
        .collect();
    if planned.is_empty() {
        return;
    }
    page.heading("PROBES", "shares are of the target's CPU time");
    let rows = planned.iter().map(|(probe, of)| row(probe, of)).collect();
    let table = Table::new(&COLUMNS, rows, INDENT, page.width);
    page.push(table.header());
    for (index, (probe, _)) in planned.iter().enumerate() {
        page.push(table.row(index));
        if page.options.verbose {
            probes::sites(&probe.sites, page);
        }
    }
}

fn row(probe: &PlannedProbe, predicted: &Prediction) -> Vec<Cell> {
    let n_stepped = probe
        .sites
        .iter()
        .filter(|site| site.cost == SiteCost::Stepped);
    let number = |n: usize| Cell {
        text: units::count(n as u64),
        style: if n == 0 {
            Style::Secondary
        } else {
            Style::Plain
        },
    };
    vec![
        Cell::styled(Style::Strong, fit::name(&probe.name)),
        number(probe.sites.len()),
        number(n_stepped.count()),
        Cell::new(units::duration(
            predicted.operation_ns.max(0.0).round() as u64
        )),
        rate(&predicted.rate),
        match predicted.always_on_share {
            Some(share) => Cell::new(units::share(share)),
            None => Cell::styled(Style::Secondary, UNKNOWN),
        },
        decision(predicted.fate),
    ]
}

const UNKNOWN: &str = "unknown";

fn rate(rate: &Rate) -> Cell {
    match (rate.per_s, rate.low_per_s, rate.high_per_s) {
        (Some(per_s), ..) => Cell::new(units::rate(per_s)),
        (None, Some(low), _) if low > 0.0 => Cell::new(format!("> {}", units::rate(low))),
        (None, _, Some(high)) => Cell::new(format!("< {}", units::rate(high))),
        _ => Cell::styled(Style::Secondary, UNKNOWN),
    }
}

fn decision(fate: Fate) -> Cell {
    match fate {
        Fate::AlwaysOn => Cell::new("always on"),
        Fate::Windows => Cell::styled(Style::Info, "windows"),
        Fate::FirstLook => Cell::styled(Style::Secondary, "first look"),
        Fate::Dropped => Cell::styled(Style::Warning, "dropped"),
        Fate::Off => Cell::styled(Style::Secondary, "off"),
    }
}

fn legend(plan: &Plan, page: &mut Page<'_>) {
    let all = [
        (
            Fate::Windows,
            "windows: too costly to be always on; on for short times at random, its counts are estimates.",
        ),
        (
            Fate::FirstLook,
            "first look: how often it is hit is not known; a first window of few operations decides.",
        ),
        (
            Fate::Dropped,
            "dropped: too costly to be always on, and this kernel takes probes off too slowly for windows.",
        ),
        (Fate::Off, "off: the limit leaves nothing to look with."),
    ];
    for (fate, text) in all {
        let is_there =
            |probe: &PlannedProbe| probe.predicted.as_ref().is_some_and(|of| of.fate == fate);
        if plan.probes.iter().any(is_there) {
            page.prose(Line::indented(INDENT), Style::Secondary, text);
        }
    }
    if !page.options.verbose {
        let text = "Every site: -v, or -f json.";
        page.prose(Line::indented(INDENT), Style::Secondary, text);
    }
}

fn skipped(plan: &Plan, page: &mut Page<'_>) {
    let skipped: Vec<_> = plan
        .probes
        .iter()
        .filter_map(|probe| Some((probe, probe.reason.as_deref()?)))
        .collect();
    if skipped.is_empty() {
        return;
    }
    page.heading("SKIPPED", "");
    for (probe, reason) in skipped {
        let name = Line::indented(INDENT).strong(fit::name(&probe.name));
        page.prose(name.padded_to(20), Style::Secondary, &fit::name(reason));
    }
}

fn notes(plan: &Plan, page: &mut Page<'_>) {
    if plan.degraded.is_empty() {
        return;
    }
    page.heading("NOT KNOWN", "");
    for sentence in &plan.degraded {
        page.prose(Line::indented(INDENT), Style::Plain, &fit::name(sentence));
    }
}
