//! Title and target: what was watched, for how long, and what that cost.

use super::{
    Page, facts, fit,
    line::{Line, Style},
    units,
};
use crate::report::{Report, Severity};

pub(super) fn title(report: &Report, page: &mut Page<'_>) {
    let comm = fit::shorten_middle(&fit::name(&report.target.comm), 16);
    let line = Line::default()
        .strong(format!("{comm}  "))
        .plain(format!("pid {}", report.target.pid))
        .secondary(" · ")
        .plain(fit::shorten_middle(
            &fit::name(&report.target.go_version),
            16,
        ))
        .secondary(" · ")
        .plain(units::duration(report.window.duration_ns))
        .secondary(" · ")
        .plain(units::counted(report.cost.hits, "event"));
    page.push(match worst(report) {
        Some((style, n)) => line
            .secondary(" · ")
            .styled(style, units::counted(n, "finding")),
        None => line,
    });
}

fn worst(report: &Report) -> Option<(Style, u64)> {
    let worst = report
        .findings
        .iter()
        .map(|finding| finding.severity)
        .max()?;
    Some((severity_style(worst), report.findings.len() as u64))
}

pub(super) const fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Info => Style::Info,
        Severity::Warning => Style::Warning,
        Severity::Critical => Style::Critical,
    }
}

pub(super) fn section(report: &Report, page: &mut Page<'_>) {
    let target = &report.target;
    page.heading("TARGET", "");
    page.field("process", &facts::process(report));
    let exe = fit::shorten_path(&fit::name(&target.exe), page.width - 14);
    page.field("binary", &format!("{exe} ({})", facts::binary(report)));
    if let Some(module) = &target.module {
        page.field(
            "module",
            &fit::shorten_middle(&fit::name(module), page.width - 14),
        );
    }
    if let Some(container) = &target.container_id {
        page.field("container", &fit::shorten_end(&fit::name(container), 24));
    }
    page.field("window", &facts::window(report));
    page.field("cost", &facts::cost(report));
    page.field("host", &facts::host(report));
}
