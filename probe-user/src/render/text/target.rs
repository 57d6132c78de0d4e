//! Title and target: what was watched, for how long, and what that cost.

use super::{
    Page, fit,
    line::{Line, Style},
    units,
};
use crate::report::{EndedBy, Report, Severity};

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
    let threads = target.gomaxprocs.map(|n| format!(", GOMAXPROCS {n}"));
    let process = format!(
        "{}, pid {}, {}{}",
        fit::name(&target.comm),
        target.pid,
        fit::name(&target.go_version),
        threads.unwrap_or_default()
    );
    page.field("process", &process);
    let exe = fit::shorten_path(&fit::name(&target.exe), page.width - 14);
    page.field("binary", &format!("{exe} ({})", binary(report)));
    if let Some(module) = &target.module {
        page.field(
            "module",
            &fit::shorten_middle(&fit::name(module), page.width - 14),
        );
    }
    if let Some(container) = &target.container_id {
        page.field("container", &fit::shorten_end(&fit::name(container), 24));
    }
    page.field("window", &window(report));
    page.field("cost", &cost(report));
    page.field("host", &host(report));
}

fn binary(report: &Report) -> String {
    let binary = report.target.binary;
    let mut kinds = vec![
        if binary.stripped {
            "stripped"
        } else {
            "with symbols"
        },
        if binary.dwarf { "DWARF" } else { "no DWARF" },
    ];
    let others = [
        (binary.pie, "PIE"),
        (binary.cgo, "cgo"),
        (binary.trimpath, "trimpath"),
    ];
    kinds.extend(others.iter().filter_map(|&(is, kind)| is.then_some(kind)));
    kinds.join(", ")
}

fn window(report: &Report) -> String {
    let window = &report.window;
    let start = window.start.parse::<jiff::Timestamp>().map_or_else(
        |_| fit::name(&window.start),
        |start| start.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    );
    let end = match window.ended_by {
        EndedBy::Duration => "complete",
        EndedBy::Signal => "until it was interrupted",
        EndedBy::TargetExit => "until the target ended",
        EndedBy::TargetExec => "until the target executed another program",
        EndedBy::RecorderLost => "until the recorder died; this is what it had saved",
    };
    format!(
        "{} from {start}, {end}",
        units::duration(window.duration_ns)
    )
}

fn cost(report: &Report) -> String {
    let cost = &report.cost;
    let target = match cost.target_share {
        Some(share) => format!("{} of the target's CPU time", units::share(share)),
        None => "share of the target's CPU time not measured".to_owned(),
    };
    let budget = match cost.budget_share {
        Some(share) => format!("limit {}", units::share(share)),
        None => "no limit".to_owned(),
    };
    let agent = match cost.agent_cpu_share {
        Some(share) => format!("rtprobe itself took {} of a CPU", units::share(share)),
        None => "rtprobe's own CPU time not measured".to_owned(),
    };
    let took = |ns: Option<u64>| ns.map_or_else(|| "not measured".to_owned(), units::duration);
    format!(
        "{}, {target} ({budget}); {agent}; attach {}, detach {}",
        units::counted(cost.hits, "hit"),
        took(cost.attach_ns),
        took(cost.detach_ns),
    )
}

fn host(report: &Report) -> String {
    let host = &report.host;
    let attach = match host.attach.as_str() {
        "uprobe_multi" => String::new(),
        other => format!(", attached by {}", fit::name(other)),
    };
    let cpus = units::counted(host.cpus.into(), "CPU");
    format!("Linux {}, {cpus}{attach}", fit::name(&host.kernel))
}
