//! Goroutines at the window's end, grouped by state, stack and creator.

use maud::{Markup, html};

use super::{view::View, words};
use crate::{
    render::units,
    report::{GoroutineGroup, StackFrame},
};

/// Groups that are listed; the rest is counted.
const MAX_GROUPS: usize = 200;

pub(super) fn section(view: &View<'_>) -> Markup {
    let Some(groups) = &view.report.goroutines else {
        return html! {};
    };
    let mut groups: Vec<_> = groups.iter().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    let total = groups
        .iter()
        .map(|group| group.count)
        .fold(0, u64::saturating_add);
    let left_out = groups
        .iter()
        .skip(MAX_GROUPS)
        .map(|group| group.count)
        .fold(0, u64::saturating_add);
    html! {
        section id="goroutines" {
            h2 { "Goroutines" small { (units::count(total)) " at the end of the window" } }
            @if groups.is_empty() {
                p.empty { "None were found." }
            } @else {
                table.plain {
                    thead { tr { th.number scope="col" { "Count" } th scope="col" { "State" } th scope="col" { "At" } th scope="col" { "Created by" } } }
                    tbody { @for group in groups.iter().take(MAX_GROUPS) { (row(group)) } }
                }
                @if left_out > 0 {
                    p.note { (units::counted(left_out, "goroutine")) " more in smaller groups: the JSON report holds them all." }
                }
            }
        }
    }
}

fn row(group: &GoroutineGroup) -> Markup {
    html! {
        tr {
            td.number { (units::count(group.count)) }
            td { (words::name(&group.state)) @if let Some(reason) = &group.wait_reason { small { (words::name(reason)) } } }
            td { (stack(&group.stack)) }
            td {
                @if let Some(place) = &group.created_by {
                    (words::function(&place.function)) " " (words::place(&place.file, place.line))
                } @else { span.none { "·" } }
            }
        }
    }
}

/// The first frame that is not the runtime's stands for the stack, which opens below it.
fn stack(frames: &[StackFrame]) -> Markup {
    let is_runtime = |frame: &&StackFrame| frame.function.starts_with("runtime.");
    let Some(first) = frames
        .iter()
        .find(|frame| !is_runtime(frame))
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
            }
        }
    }
}
