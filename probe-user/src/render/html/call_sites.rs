//! Call sites as a table: one row each with its figures and its distribution. Scripts order, filter and open rows.

use maud::{Markup, html};

use super::{
    header::severity_class,
    spark,
    view::{Site, View},
    words,
};
use crate::{
    render::{ranking, text::facts, units},
    report::{CallSite, Latency},
};

/// Columns of numbers: key for scripts, title.
const NUMBERS: [(&str, &str); 7] = [
    ("count", "Count"),
    ("p50", "p50"),
    ("p90", "p90"),
    ("p99", "p99"),
    ("max", "Max"),
    ("total", "Total"),
    ("bytes", "Bytes"),
];

pub(super) fn section(view: &View<'_>) -> Markup {
    html! {
        section id="call-sites" {
            h2 { "Call sites" }
            @if view.sites.is_empty() {
                p.empty { (facts::nothing_seen(view.report)) }
            } @else {
                (toolbar(view))
                (table(view))
                (notes(view))
            }
        }
    }
}

fn toolbar(view: &View<'_>) -> Markup {
    let mut probes: Vec<(&str, usize)> = Vec::new();
    for site in &view.sites {
        let name = site.site.probe.as_str();
        match probes.iter_mut().find(|(probe, _)| *probe == name) {
            Some((_, n)) => *n += 1,
            None => probes.push((name, 1)),
        }
    }
    html! {
        div.toolbar.js-only id="site-tools" {
            label.field { span { "Filter" } input type="search" id="site-filter" placeholder="function or file" autocomplete="off" spellcheck="false"; }
            label.field { span { "Order" }
                select id="site-sort" {
                    @for (key, title) in columns(view) { option value=(key) { (title) } }
                }
            }
            div.chips role="group" aria-label="Probes" {
                @for (probe, n) in probes {
                    button.chip type="button" aria-pressed="false" data-probe=(words::name(probe)) {
                        (words::name(probe)) " " span { (n) }
                    }
                }
            }
        }
    }
}

fn columns(view: &View<'_>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has_bytes = view.sites.iter().any(|site| site.site.bytes.is_some());
    NUMBERS
        .into_iter()
        .filter(move |(key, _)| *key != "bytes" || has_bytes)
}

fn table(view: &View<'_>) -> Markup {
    html! {
        table.sites id="sites" role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    th role="columnheader" scope="col" { "Call site" }
                    @for (key, title) in columns(view) {
                        th.number role="columnheader" scope="col" data-key=(key) { (title) }
                    }
                    @if let Some(axis) = &view.axis {
                        th role="columnheader" scope="col" { span.visually-hidden { "Latency" } (spark::scale(axis)) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for (index, site) in view.sites.iter().enumerate() { (row(index, site, view)) }
            }
        }
        p.more.js-only id="site-more" {}
    }
}

fn row(index: usize, site: &Site<'_>, view: &View<'_>) -> Markup {
    let latency = site.site.latency.as_ref();
    html! {
        tr.site.beyond[!view.is_at_the_top(index)] id={ "site-" (index) } role="row" data-index=(index) tabindex="-1" {
            th.name role="rowheader" scope="row" { (name(site.site, view)) }
            @for (key, title) in columns(view) {
                td.number role="cell" data-label=(title) { (number(key, site.site, view)) }
            }
            @if let Some(axis) = &view.axis {
                td.distribution role="cell" {
                    @if let Some(latency) = latency.filter(|_| !site.bins.0.is_empty()) {
                        (spark::draw(&site.bins, axis, latency))
                    }
                }
            }
        }
    }
}

fn name(site: &CallSite, view: &View<'_>) -> Markup {
    html! {
        (words::function(&site.function))
        div.about {
            span.tag.probe { (words::name(&site.probe)) }
            (words::place(&site.file, site.line))
            @if let Some(reason) = &site.reason { span { (words::name(reason)) } }
            @for (index, finding) in view.findings_at(site) {
                a.pill.(severity_class(finding.severity)) href={ "#finding-" (index) } { (words::name(&finding.rule)) }
            }
        }
    }
}

fn number(key: &str, site: &CallSite, view: &View<'_>) -> Markup {
    let Some(latency) = site.latency.as_ref() else {
        return match key {
            "count" => count(site),
            "bytes" => bytes(site),
            _ => html! { span.none { "·" } },
        };
    };
    match key {
        "count" => count(site),
        "p50" => told(latency.p50_ns, latency),
        "p90" => told(latency.p90_ns, latency),
        "p99" => told(latency.p99_ns, latency),
        "max" => told(latency.max_ns, latency),
        "bytes" => bytes(site),
        _ => html! {
            (units::duration(ranking::total_ns(site).unwrap_or(latency.sum_ns)))
            @if let Some(share) = ranking::share(site, &view.totals) {
                small title="of the probe's total time" { (units::share(share)) }
            }
        },
    }
}

fn count(site: &CallSite) -> Markup {
    let about = if site.count_low == site.count_high {
        ""
    } else {
        "~"
    };
    html! { (about) (units::count(site.count)) small { (units::rate(site.rate_per_s)) } }
}

fn bytes(site: &CallSite) -> Markup {
    html! {
        @if let Some(bytes) = site.bytes {
            (units::bytes(bytes as f64))
            @if let Some(rate) = site.bytes_per_s { small { (units::bytes(rate)) "/s" } }
        } @else { span.none { "·" } }
    }
}

/// A latency, or that it is too short to be told.
fn told(ns: u64, latency: &Latency) -> Markup {
    match latency.floor_ns {
        Some(floor_ns) if ns < floor_ns => html! {
            span.floor title="too short to be told on this host" { "<\u{a0}" (units::duration(floor_ns)) }
        },
        _ => html! { (units::duration(ns)) },
    }
}

fn notes(view: &View<'_>) -> Markup {
    html! {
        p.note {
            "Times are of single operations; Total is their sum, with its share of the probe's total. "
            "In the order of Total, what only waits or goes on in the background comes last. "
            @if view.axis.is_some() {
                "Distributions share one logarithmic axis of time; heights are logarithms of counts. The two lines are p50 and p99. "
            }
            @if view.n_left_out() > 0 {
                (units::counted(view.n_left_out() as u64, "call site")) " ranked lower and are left out of this page: the JSON report holds them all."
            }
        }
    }
}
