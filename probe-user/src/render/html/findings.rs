//! Findings: what is wrong, where, how it shows, and the cure. The worst comes first.

use maud::{Markup, html};

use super::{header::severity_class, view::View, words};
use crate::{
    render::{text::findings as said, units},
    report::{Evidence, Finding, Location, Verdict},
};

pub(super) fn section(view: &View<'_>) -> Markup {
    html! {
        section id="findings" {
            h2 { "Findings" }
            @if view.findings.is_empty() {
                (none(view))
            }
            @for (index, finding) in view.findings.iter().enumerate() {
                (one(index, finding, view))
            }
        }
    }
}

/// Silence is only worth something where something was looked at.
fn none(view: &View<'_>) -> Markup {
    let rules = &view.report.rules;
    let n = |verdict| rules.iter().filter(|rule| rule.verdict == verdict).count();
    html! {
        p.empty {
            @if rules.is_empty() {
                "No rule was applied to this run: read the call sites."
            } @else {
                "None. Of " (units::counted(rules.len() as u64, "rule")) ", "
                (n(Verdict::Clear)) " found nothing, "
                (n(Verdict::NotEnoughData)) " had too little to judge by, "
                (n(Verdict::NotApplicable)) " do not apply to this program: "
                a href="#rules" { "each with its reason" } "."
            }
        }
    }
}

fn one(index: usize, finding: &Finding, view: &View<'_>) -> Markup {
    let rule = words::name(&finding.rule);
    html! {
        article.finding.(severity_class(finding.severity)) id={ "finding-" (index) } {
            header {
                span.pill.(severity_class(finding.severity)) { (severity_class(finding.severity)) }
                h3 { (words::prose(&finding.title)) }
                p.sure title="How sure the rule is, by amount and agreement of its evidence" {
                    meter min="0" max="1" value=(confidence(finding)) { }
                    " " (units::share(confidence(finding))) " sure"
                }
            }
            @if let Some(place) = &finding.call_site { (where_it_is(place, view)) }
            @else { p.where { "the whole process" } }
            @if let Some(from) = &finding.called_from {
                p.where { "called from " (words::function(&from.function)) " " (words::place(&from.file, from.line)) }
            }
            @if !finding.evidence.is_empty() {
                dl.evidence {
                    @for evidence in &finding.evidence { (tile(evidence)) }
                }
            }
            dl.advice {
                (advice("Cure", &finding.cure))
                (advice("Refuted by", &finding.refuted_by))
                (advice("Don't bother when", &finding.do_not_bother_when))
                dt { "More" }
                dd {
                    code { "rtprobe explain " (rule) }
                    @for name in finding.exercises.iter().chain(&finding.also) {
                        " " span.tag { (words::name(name)) }
                    }
                }
            }
        }
    }
}

fn confidence(finding: &Finding) -> f64 {
    if finding.confidence.is_finite() {
        finding.confidence.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// The line to edit, and the rows that show what it does.
fn where_it_is(place: &Location, view: &View<'_>) -> Markup {
    html! {
        p.where {
            (words::function(&place.function)) " " (words::place(&place.file, place.line))
            @for row in view.rows_at(place).into_iter().take(MAX_LINKS) {
                " " a.to-site href={ "#site-" (row) } {
                    @if let Some(site) = view.sites.get(row) { (words::name(&site.site.probe)) }
                }
            }
        }
    }
}

/// A line can have as many rows as there are probes.
const MAX_LINKS: usize = 8;

fn tile(evidence: &Evidence) -> Markup {
    html! {
        div {
            dt { (words::name(&evidence.name)) }
            dd { (said::value(evidence)) }
        }
    }
}

fn advice(label: &str, text: &str) -> Markup {
    html! {
        @if !text.is_empty() {
            dt { (label) }
            dd { (words::prose(text)) }
        }
    }
}
