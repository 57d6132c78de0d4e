//! The frame that the script draws stacks into.

use maud::{Markup, html};

use super::view::View;

/// Returns whether there is any stack to draw.
pub(super) fn is_there(view: &View<'_>) -> bool {
    let has_samples = view
        .report
        .cpu
        .as_ref()
        .is_some_and(|cpu| !cpu.stacks.is_empty());
    has_samples
        || !view.sites.is_empty()
        || view.report.goroutines.iter().flatten().next().is_some()
}

pub(super) fn section(view: &View<'_>) -> Markup {
    if !is_there(view) {
        return html! {};
    }
    html! {
        section.js-only id="flame" {
            h2 { "Stacks" }
            div.toolbar {
                label.field { span { "Width" } select id="flame-weight" {} }
                label.field { span { "Of" } select id="flame-probe" {} }
                button type="button" id="flame-reset" { "Whole" }
                ul.legend aria-label="Colours" {
                    li.own { "this module" } li.dependency { "dependencies" }
                    li.standard { "standard library" } li.runtime { "runtime" }
                }
            }
            div.flame id="flame-graph" role="tree" aria-label="Stacks, outermost function first" {}
            p.note id="flame-said" aria-live="polite" {}
        }
    }
}
