//! Rules: what each of them says, a clean bill only where there was enough to judge by.

use maud::{Markup, html};

use super::{view::View, words};
use crate::report::{RuleVerdict, Verdict};

pub(super) fn section(view: &View<'_>) -> Markup {
    if view.report.rules.is_empty() {
        return html! {};
    }
    let mut rules: Vec<_> = view.report.rules.iter().collect();
    rules.sort_by_key(|rule| rank(rule.verdict));
    html! {
        section id="rules" {
            h2 { "Rules" }
            table.plain {
                thead { tr { th scope="col" { "Rule" } th scope="col" { "Verdict" } th scope="col" { "Why" } th scope="col" { "Needs" } } }
                tbody { @for rule in rules { (row(rule)) } }
            }
        }
    }
}

const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Found => 0,
        Verdict::NotEnoughData => 1,
        Verdict::Clear => 2,
        Verdict::NotApplicable => 3,
    }
}

fn row(rule: &RuleVerdict) -> Markup {
    let (class, words) = match rule.verdict {
        Verdict::Found => ("found", "found"),
        Verdict::Clear => ("clear", "clear"),
        Verdict::NotEnoughData => ("undecided", "not enough data"),
        Verdict::NotApplicable => ("quiet", "not applicable"),
    };
    html! {
        tr {
            th scope="row" {
                (words::name(&rule.rule))
                @for exercise in &rule.exercises { " " span.tag { (words::name(exercise)) } }
            }
            td { span.pill.(class) { (words) } }
            td { (words::prose(&rule.why)) }
            td { @if let Some(needs) = &rule.needs { (words::prose(needs)) } }
        }
    }
}
