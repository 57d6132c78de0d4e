//! What was recorded: target, window, cost and host, in the words of the text report.

use maud::{Markup, html};

use super::{view::View, words};
use crate::render::{text::facts, units};

pub(super) fn section(view: &View<'_>) -> Markup {
    let report = view.report;
    let target = &report.target;
    html! {
        section id="recorded" {
            h2 { "What was recorded" }
            dl.facts {
                (field("Process", &facts::process(report)))
                (field("Binary", &format!("{} ({})", words::name(&target.exe), facts::binary(report))))
                @if let Some(module) = &target.module { (field("Module", &words::name(module))) }
                @if let Some(id) = &target.build_id { (field("Build ID", &words::name(id))) }
                @if let Some(id) = &target.container_id { (field("Container", &words::name(id))) }
                (field("Window", &facts::window(report)))
                dt { "Cost" }
                dd {
                    @if let (Some(share), Some(budget)) = (report.cost.target_share, report.cost.budget_share) {
                        meter.cost min="0" max=(budget) value=(share)
                            title={ (units::share(share)) " of " (units::share(budget)) " allowed" } {}
                        " "
                    }
                    (facts::cost(report))
                }
                (field("Host", &facts::host(report)))
            }
        }
    }
}

fn field(name: &str, value: &str) -> Markup {
    html! { dt { (name) } dd { (value) } }
}
