//! The page's top, which says in one glance what was watched and how bad it is, and its last line.

use maud::{Markup, html};

use super::{flame, timeline, view::View, words};
use crate::{render::units, report::Severity};

/// Sections, for the navigation: anchor and name.
const SECTIONS: [(&str, &str); 11] = [
    ("findings", "Findings"),
    ("recorded", "Recorded"),
    ("call-sites", "Call sites"),
    ("cpu", "CPU"),
    ("flame", "Stacks"),
    ("timeline", "Time line"),
    ("goroutines", "Goroutines"),
    ("probes", "Probes"),
    ("rules", "Rules"),
    ("method", "Method"),
    ("not-seen", "Not seen"),
];

pub(super) fn banner(view: &View<'_>) -> Markup {
    let report = view.report;
    html! {
        header.banner {
            div.title {
                p.brand { "rtprobe" }
                h1 { (words::name(&report.target.comm)) }
                p.facts {
                    span { "pid " (report.target.pid) }
                    span { (words::name(&report.target.go_version)) }
                    span { (units::duration(report.window.duration_ns)) " watched" }
                    span { (units::counted(report.cost.hits, "event")) }
                }
            }
            div.verdict { (verdict(view)) }
            button.theme.js-only type="button" id="theme" { "Theme" }
        }
        nav aria-label="Sections" {
            ul {
                @for (anchor, name) in SECTIONS.iter().filter(|(anchor, _)| is_there(anchor, view)) {
                    li { a href={ "#" (anchor) } { (name) } }
                }
            }
        }
    }
}

fn is_there(anchor: &str, view: &View<'_>) -> bool {
    match anchor {
        "flame" => flame::is_there(view),
        "cpu" => view.report.cpu.is_some(),
        "timeline" => timeline::of(view).is_some(),
        "goroutines" => view.report.goroutines.is_some(),
        "rules" => !view.report.rules.is_empty(),
        _ => true,
    }
}

fn verdict(view: &View<'_>) -> Markup {
    let n = |severity| {
        view.findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts = [Severity::Critical, Severity::Warning, Severity::Info]
        .map(|severity| (severity, n(severity)));
    html! {
        @if view.findings.is_empty() {
            span.pill.quiet { "no findings" }
        }
        @for (severity, n) in counts.into_iter().filter(|(_, n)| *n > 0) {
            a.pill.(severity_class(severity)) href="#findings" { (pill(severity, n)) }
        }
    }
}

fn pill(severity: Severity, n: usize) -> String {
    match severity {
        Severity::Warning => units::counted(n as u64, "warning"),
        _ => format!("{n} {}", severity_class(severity)),
    }
}

pub(super) const fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

pub(super) fn colophon(view: &View<'_>) -> Markup {
    let tool = &view.report.rtprobe;
    html! {
        footer {
            "rtprobe " (words::name(&tool.version))
            " · report " (words::name(&view.report.schema))
            " · this page is complete: it loads nothing and sends nothing"
        }
    }
}
