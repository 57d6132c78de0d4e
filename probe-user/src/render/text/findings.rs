//! Findings: what is wrong, where, how it shows, and the cure. The worst comes first.

use std::cmp::Reverse;

use super::{
    Page, fit,
    line::{Line, Style},
    target::severity_style,
    units,
};
use crate::report::{Evidence, Finding, Location, Report, Severity};

/// Column at which the text of a finding begins.
const TEXT_COLUMN: usize = 12;

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    if report.findings.is_empty() {
        return;
    }
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    page.heading("FINDINGS", "");
    for (index, finding) in findings.into_iter().enumerate() {
        if index > 0 {
            page.blank();
        }
        one(finding, page);
    }
}

fn one(finding: &Finding, page: &mut Page<'_>) {
    let style = severity_style(finding.severity);
    let badge = Line::indented(2)
        .styled(style, severity_name(finding.severity))
        .padded_to(TEXT_COLUMN);
    page.prose(badge, Style::Strong, &fit::name(&finding.title));
    if let Some(site) = &finding.call_site {
        let room = page.width - TEXT_COLUMN;
        page.push(location(Line::indented(TEXT_COLUMN), site, room));
    }
    if let Some(from) = &finding.called_from {
        let room = page.width - TEXT_COLUMN;
        page.push(location(label("from"), from, room));
    }
    let evidence: Vec<_> = finding.evidence.iter().map(evidence).collect();
    if !evidence.is_empty() {
        labelled(page, "evidence", &evidence.join(", "));
    }
    labelled(page, "cure", &fit::name(&finding.cure));
    // Any of its exercises leads to the same page; the first one is the shortest to type.
    let key = finding.exercises.first().unwrap_or(&finding.rule);
    let more = format!("rtprobe explain {}", fit::name(key));
    let sure = format!(
        "  {}, {} sure",
        fit::name(&finding.rule),
        units::share(finding.confidence)
    );
    page.push(label("more").plain(more).secondary(sure));
}

fn labelled(page: &mut Page<'_>, name: &str, text: &str) {
    page.prose(label(name), Style::Plain, text);
}

fn label(name: &str) -> Line {
    Line::indented(2).secondary(name).padded_to(TEXT_COLUMN)
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

fn evidence(evidence: &Evidence) -> String {
    format!("{} {}", fit::name(&evidence.name), value(evidence))
}

/// Returns the value with its unit.
pub(in crate::render) fn value(evidence: &Evidence) -> String {
    let value = evidence.value;
    match evidence.unit.as_str() {
        "1/s" | "/s" | "per_s" => units::rate(value),
        "ns" => units::duration(value.max(0.0) as u64),
        "B" | "bytes" => units::bytes(value),
        "B/s" | "bytes/s" => format!("{}/s", units::bytes(value)),
        "share" => units::share(value),
        "" => units::quantity(value),
        unit => format!("{} {}", units::quantity(value), fit::name(unit)),
    }
}

/// Appends `function  file:line` in at most `room` columns.
fn location(line: Line, site: &Location, room: usize) -> Line {
    super::call_sites::place(line, &site.function, &site.file, site.line, room)
}
