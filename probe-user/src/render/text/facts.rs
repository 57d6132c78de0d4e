//! Target, window, cost and host in sentences, and what an empty table means: the same words in text and HTML.

use super::{fit, units};
use crate::report::{EndedBy, Probe, ProbeState, Report};

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
        EndedBy::ProbesLost => "until rtprobe lost hold of its probes",
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
    let predicted = predicted_share(cost.predicted_low_share, cost.predicted_high_share)
        .map(|share| format!(", predicted {share}"))
        .unwrap_or_default();
    let shed = shed(report)
        .map(|shed| format!("; {shed}"))
        .unwrap_or_default();
    let agent = match cost.agent_cpu_share {
        Some(share) => format!("rtprobe itself took {} of a CPU", units::share(share)),
        None => "rtprobe's own CPU time not measured".to_owned(),
    };
    let around = cost.agent_setup_cpu_ns.zip(cost.agent_finish_cpu_ns);
    let around = around.map(|(setup, finish)| {
        let (setup, finish) = (units::duration(setup), units::duration(finish));
        format!(", {setup} to begin and {finish} to end")
    });
    let around = around.unwrap_or_default();
    let took = |ns: Option<u64>| ns.map_or_else(|| "not measured".to_owned(), units::duration);
    format!(
        "{}, {target} ({budget}{predicted}){shed}; {agent}{around}; attach {}, detach {}",
        units::counted(cost.hits, "hit"),
        took(cost.attach_ns),
        took(cost.detach_ns),
    )
}

/// What all probes together are expected to take of the target's CPU time; `None`: not known.
pub(in crate::render) fn predicted_share(low: Option<f64>, high: Option<f64>) -> Option<String> {
    match (low, high) {
        (Some(low), Some(high)) if units::share(low) == units::share(high) => {
            Some(units::share(high))
        }
        (Some(low), Some(high)) if low > 0.0 => {
            Some(format!("{} to {}", units::share(low), units::share(high)))
        }
        (_, Some(high)) => Some(format!("at most {}", units::share(high))),
        (Some(low), None) if low > 0.0 => Some(format!("at least {}", units::share(low))),
        _ => None,
    }
}

/// How many probes the limit kept from being on all the time; `None`: none.
pub(in crate::render) fn shed(report: &Report) -> Option<String> {
    let n = |state| {
        let in_state = report.probes.iter().filter(|probe| probe.state == state);
        in_state.count() as u64
    };
    let parts = [
        (n(ProbeState::Windowed), "on in short windows"),
        (n(ProbeState::Dropped), "dropped"),
    ];
    let parts = parts.iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts
        .map(|(n, what)| format!("{} {what}", units::counted(*n, "probe")))
        .collect();
    (!parts.is_empty()).then(|| format!("{} to keep to it", parts.join(", ")))
}

/// What was expected of a probe and what it took, where anything is known of either.
pub(in crate::render) fn probe_cost(probe: &Probe) -> Option<String> {
    let predicted = probe.predicted.as_ref().map(|of| {
        let each = units::duration(of.operation_ns.max(0.0).round() as u64);
        match of.always_on_share {
            Some(share) => format!(
                "predicted {} if always on, {each} each",
                units::share(share)
            ),
            None => format!("predicted {each} each, how often was not known"),
        }
    });
    let took = probe
        .cost_share
        .map(|share| format!("took {}", units::share(share)));
    let parts: Vec<String> = predicted.into_iter().chain(took).collect();
    (!parts.is_empty()).then(|| format!("{} of the target's CPU time", parts.join("; ")))
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
