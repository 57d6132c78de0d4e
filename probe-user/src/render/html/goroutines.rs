//! Goroutines at the window's end, grouped by state, stack and creator.

use maud::{Markup, html};

use super::{
    origin::{self, Origin},
    table::{self, Column},
    view::View,
    words,
};
use crate::{
    render::units,
    report::{GoroutineGroup, StackFrame},
};

/// Groups that are listed; the rest is counted.
const MAX_GROUPS: usize = 200;

const COLUMNS: [Column; 4] = [
    Column::Number("Count"),
    Column::Text("State"),
    Column::Text("At"),
    Column::Text("Created by"),
];

pub(super) fn section(view: &View<'_>) -> Markup {
    let Some(groups) = &view.report.goroutines else {
        return html! {};
    };
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by_key(|group| (group.system, std::cmp::Reverse(group.count)));
    let total = groups
        .iter()
        .map(|group| group.count)
        .fold(0, u64::saturating_add);
    let left_out = groups
        .iter()
        .skip(MAX_GROUPS)
        .map(|group| group.count)
        .fold(0, u64::saturating_add);
    let module = view.report.target.module.as_deref();
    html! {
        section id="goroutines" {
            h2 { "Goroutines" small { (units::count(total)) " at the end of the window" } }
            @if groups.is_empty() {
                p.empty { "None were found." }
            } @else {
                @let rows = html! { @for group in groups.iter().take(MAX_GROUPS) { (row(group, module)) } };
                (table::of("Goroutines", &COLUMNS, &rows))
                @if left_out > 0 {
                    p.note { (units::counted(left_out, "goroutine")) " more in smaller groups: the JSON report holds them all." }
                }
            }
        }
    }
}

fn row(group: &GoroutineGroup, module: Option<&str>) -> Markup {
    html! {
        tr {
            td.number { (units::count(group.count)) }
            td { (words::name(&group.state))
                @if let Some(reason) = &group.wait_reason { small { (words::name(reason)) } }
                @if let Some(ns) = group.longest_wait_ns { small { "one for " (units::duration(ns)) " or more" } }
                @if group.system { " " span.tag { "the runtime's own" } }
            }
            td { (stack(&group.stack, group.truncated, module)) }
            td {
                @if let Some(place) = &group.created_by {
                    (words::function(&place.function)) " " (words::place(&place.file, place.line))
                } @else { span.none { "·" } }
            }
        }
    }
}

/// The first frame of the program's own stands for the stack, which opens below it.
fn stack(frames: &[StackFrame], truncated: bool, module: Option<&str>) -> Markup {
    let first_of = |origins: &[Origin]| {
        let is_of = |frame: &&StackFrame| origins.contains(&origin::of(&frame.function, module));
        frames.iter().find(is_of)
    };
    let Some(first) = first_of(&[Origin::Own, Origin::Dependency])
        .or_else(|| first_of(&[Origin::Standard]))
        .or(frames.first())
    else {
        return html! { span.none { "·" } };
    };
    html! {
        details {
            summary { (words::function(&first.function)) " " (words::place(&first.file, first.line)) }
            ol.stack {
                @for frame in frames {
                    li { (words::function(&frame.function)) " " (words::place(&frame.file, frame.line)) @if frame.inlined { " " span.tag { "inlined" } } }
                }
                @if truncated { li { small { "… more frames than are read" } } }
            }
        }
    }
}
