//! The frame that the script draws stacks into.

use maud::{Markup, html};

use super::view::View;

pub(super) fn section(view: &View<'_>) -> Markup {
    if view.sites.is_empty() {
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
