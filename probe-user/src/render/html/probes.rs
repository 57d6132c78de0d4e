//! Probes: what was watched, with which sites, and how the hits add up.

use maud::{Markup, html};

use super::{
    table::{self, Column},
    view::View,
    words,
};
use crate::{
    render::{text::facts, units},
    report::{Probe, ProbeState, Site, SiteCost, SiteKind},
};

const COLUMNS: [Column; 7] = [
    Column::Text("Probe"),
    Column::Text("State"),
    Column::Number("On"),
    Column::Number("Hits"),
    Column::Number("Completed"),
    Column::Number("Open"),
    Column::Number("Lost"),
];

pub(super) fn section(view: &View<'_>) -> Markup {
    html! {
        section id="probes" {
            h2 { "Probes" small { "hits = completed + open + lost" } }
            @if view.report.probes.is_empty() {
                p.empty { "No probe was planned." }
            } @else {
                @let rows = html! { @for probe in &view.report.probes { (row(probe)) } };
                (table::of("Probes", &COLUMNS, &rows))
            }
        }
    }
}

fn row(probe: &Probe) -> Markup {
    let is_on = matches!(probe.state, ProbeState::Attached | ProbeState::Windowed);
    html! {
        tr {
            th scope="row" {
                (words::name(&probe.name))
                @if !probe.sites.is_empty() { (sites(probe)) }
                @if let Some(cost) = facts::probe_cost(probe) { div.reason { (cost) } }
            }
            td {
                span.pill.(state(probe.state)) { (state(probe.state)) }
                @if let Some(reason) = &probe.reason { div.reason { (words::prose(reason)) } }
            }
            @if is_on || probe.hits > 0 {
                td.number { (units::share(probe.observed_share)) }
                td.number { (units::count(probe.hits)) @if probe.count != probe.hits { small { "~" (units::count(probe.count)) } } }
                td.number { (units::count(probe.completed)) }
                td.number { (units::count(probe.open)) }
                td.number { (lost(probe)) }
            } @else {
                @for _ in 0..5 { td.number { span.none { "·" } } }
            }
        }
    }
}

const fn state(state: ProbeState) -> &'static str {
    match state {
        ProbeState::Attached => "attached",
        ProbeState::Windowed => "windowed",
        ProbeState::Skipped => "skipped",
        ProbeState::Refused => "refused",
        ProbeState::Dropped => "dropped",
    }
}

fn lost(probe: &Probe) -> Markup {
    let reasons = probe.lost.iter().filter(|(_, n)| **n > 0);
    let total = probe
        .lost
        .values()
        .fold(0, |sum: u64, n| sum.saturating_add(*n));
    html! {
        (units::count(total))
        @for (reason, n) in reasons { small { (units::count(*n)) " " (words::name(reason)) } }
    }
}

fn sites(probe: &Probe) -> Markup {
    html! {
        details {
            summary { (units::counted(probe.sites.len() as u64, "site")) " in " (units::counted(probe.functions.len() as u64, "function")) }
            ul.probe-sites {
                @for site in &probe.sites { li { (one_site(site)) } }
            }
        }
    }
}

fn one_site(site: &Site) -> Markup {
    let kind = match site.kind {
        SiteKind::Entry => "entry",
        SiteKind::Exit => "exit",
    };
    html! {
        (words::function(&site.function)) " "
        span.place { (kind) " at " (format!("{:#x}", site.file_offset)) } " "
        code { (words::name(&site.instruction)) }
        @if site.cost == SiteCost::Stepped { " " span.tag { "single-stepped" } }
    }
}
