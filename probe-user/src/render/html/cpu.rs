//! Where CPU time went, by samples: kinds of work as one bar, and the functions that ask for it.

use maud::{Markup, html};

use super::{
    spark::decimal,
    table::{self, Column},
    view::View,
    words,
};
use crate::{
    render::{text::cpu as said, units},
    report::{Cpu, CpuFunction},
};

const WIDTH: f64 = 1000.0;
/// Kinds of work that get a colour; the rest is one grey piece.
const MAX_GROUPS: usize = 7;
const COLUMNS: [Column; 4] = [
    Column::Text("Function"),
    Column::Number("Share"),
    Column::Number("Own"),
    Column::Number("All"),
];

pub(super) fn section(view: &View<'_>) -> Markup {
    let Some(cpu) = &view.report.cpu else {
        return html! {};
    };
    html! {
        section id="cpu" {
            h2 {
                "CPU"
                small { (units::duration(cpu.time_ns)) " of CPU time in " (units::counted(cpu.samples, "sample")) }
            }
            @if cpu.groups.is_empty() {
                p.empty { "The program was not seen on a CPU." }
            } @else {
                (groups(cpu))
                (functions(cpu, view))
            }
        }
    }
}

fn groups(cpu: &Cpu) -> Markup {
    let mut pieces: Vec<(String, f64)> = cpu
        .groups
        .iter()
        .take(MAX_GROUPS)
        .map(|group| (said::in_words(&group.group), group.share))
        .collect();
    let rest: f64 = cpu
        .groups
        .iter()
        .skip(MAX_GROUPS)
        .map(|group| group.share)
        .sum();
    if rest > 0.0 {
        pieces.push(("other".to_owned(), rest));
    }
    let mut left = 0.0;
    let bars = pieces.iter().enumerate().map(|(index, (_, share))| {
        let width = share.clamp(0.0, 1.0) * WIDTH;
        left += width;
        (index, left - width, width)
    });
    html! {
        svg.groups viewBox="0 0 1000 28" preserveAspectRatio="none" aria-hidden="true" {
            @for (index, x, width) in bars {
                rect.{ "g" (index) } x=(decimal(x)) y="0" width=(decimal(width)) height="28" {}
            }
        }
        ul.legend.shares {
            @for (index, (name, share)) in pieces.iter().enumerate() {
                li.{ "g" (index) } { (name) " " b { (units::share(*share)) } }
            }
        }
    }
}

fn functions(cpu: &Cpu, view: &View<'_>) -> Markup {
    let limit = if view.top == 0 { usize::MAX } else { view.top };
    let rows = html! { @for function in cpu.functions.iter().take(limit) { (row(function)) } };
    let left_out = cpu.functions.len().saturating_sub(limit);
    html! {
        @if !cpu.functions.is_empty() { (table::of("Functions by CPU time", &COLUMNS, &rows)) }
        p.note {
            @if !cpu.functions.is_empty() {
                "Own: in the function's own code. Share: with the runtime and library calls it makes. \
                 All: with everything it calls. The line is where most of its share is. "
            }
            @if left_out > 0 { (units::counted(left_out as u64, "function")) " more: --top shows them. " }
            @for sentence in said::caveats(cpu) { (sentence) " " }
        }
    }
}

fn row(function: &CpuFunction) -> Markup {
    html! {
        tr {
            th scope="row" { (words::function(&function.function)) " " (words::place(&function.file, function.line)) }
            td.number { (bar(function.share)) (units::share(function.share)) }
            td.number { (units::share(function.own_share)) }
            td.number { (units::share(function.total_share)) }
        }
    }
}

fn bar(share: f64) -> Markup {
    html! {
        svg.amount viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect x="0" y="0" height="8" width=(decimal(share.clamp(0.0, 1.0) * 100.0)) {}
        }
    }
}
