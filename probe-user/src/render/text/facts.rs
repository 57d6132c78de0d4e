//! Target, window, cost and host in sentences, and what an empty table means: the same words in text and HTML.

use super::{fit, units};
use crate::report::{EndedBy, ProbeState, Report};

pub(in crate::render) fn process(report: &Report) -> String {
    let target = &report.target;
    let threads = target.gomaxprocs.map(|n| format!(", GOMAXPROCS {n}"));
    format!(
        "{}, pid {}, {}{}",
        fit::name(&target.comm),
        target.pid,
        fit::name(&target.go_version),
        threads.unwrap_or_default()
    )
}

pub(in crate::render) fn binary(report: &Report) -> String {
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

pub(in crate::render) fn window(report: &Report) -> String {
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

pub(in crate::render) fn cost(report: &Report) -> String {
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

pub(in crate::render) fn host(report: &Report) -> String {
    let host = &report.host;
    let attach = match host.attach.as_str() {
        "uprobe_multi" => String::new(),
        other => format!(", attached by {}", fit::name(other)),
    };
    let cpus = units::counted(host.cpus.into(), "CPU");
    format!("Linux {}, {cpus}{attach}", fit::name(&host.kernel))
}

/// An empty table would leave open whether nothing happened or nothing was looked at.
pub(in crate::render) fn nothing_seen(report: &Report) -> String {
    let watched: Vec<_> = report
        .probes
        .iter()
        .filter(|probe| matches!(probe.state, ProbeState::Attached | ProbeState::Windowed))
        .map(|probe| fit::name(&probe.name))
        .collect();
    let hits = report
        .probes
        .iter()
        .map(|probe| probe.hits)
        .fold(0, u64::saturating_add);
    let time = units::duration(report.window.duration_ns);
    if watched.is_empty() {
        format!("No probe was on during the {time}: the reasons stand below.")
    } else if hits == 0 {
        format!(
            "Watched {} for {time}: 0 events. The program did none of this in that time; --duration 5m looks longer.",
            watched.join(", ")
        )
    } else {
        format!(
            "Watched {} for {time}: {}, none of which could be given to a call site; what was lost stands below.",
            watched.join(", "),
            units::counted(hits, "event")
        )
    }
}
