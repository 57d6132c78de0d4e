//! How the figures came about and what they can't say.

use maud::{Markup, html};

use super::{view::View, words};
use crate::{
    render::{text::facts, units},
    report::{Report, SiteCost},
};

pub(super) fn section(view: &View<'_>) -> Markup {
    let report = view.report;
    let n_sites = |cost| {
        let sites = report.probes.iter().flat_map(|probe| &probe.sites);
        sites.filter(|site| site.cost == cost).count() as u64
    };
    html! {
        section id="method" {
            h2 { "Method and cost" }
            p {
                "rtprobe put breakpoints (uprobes) on instructions of the Go runtime inside the running program and added up in the kernel what passed them. "
                "Beside that it changed nothing in the program and stopped no thread of it. "
                "Each operation is one hit; one that ended while it was watched is completed and has a latency, from the first instruction behind the stack check to the return."
            }
            ul {
                li {
                    (units::counted(n_sites(SiteCost::Emulated), "site")) " whose instruction the kernel emulates, at "
                    (hit_cost(report.host.emulated_hit_ns)) " a hit; "
                    (units::counted(n_sites(SiteCost::Stepped), "site")) " that it single-steps, at "
                    (hit_cost(report.host.stepped_hit_ns)) " a hit."
                }
                li { "Histograms have buckets at most 1.6 % wide; the least and the longest latency are exact. Drawings merge buckets to 9 %." }
                li {
                    @if report.probes.iter().any(|probe| probe.observed_share < 1.0) {
                        "Some probes were on for a part of the time only: their counts are estimates for the whole window, marked ~, with a 95 % interval in the details."
                    } @else {
                        "Every probe was on all the time: counts are exact."
                    }
                }
                li { (predicted(report)) }
                li { "The stack of a call site is that of its most frequent call path." }
            }
            p.note { "BPF object " code { (words::name(&report.rtprobe.bpf_hash)) } }
        }
    }
}

fn predicted(report: &Report) -> String {
    const OF: &str = "of the target's CPU time";
    let cost = &report.cost;
    let predicted = facts::predicted_share(cost.predicted_low_share, cost.predicted_high_share);
    let predicted = predicted.map_or_else(
        || "What the probes would take was not known before".to_owned(),
        |share| format!("Before the first probe was on they were predicted to take {share} {OF}, by the runtime's own counters"),
    );
    let observed = cost.target_share.map_or_else(
        || "what they took was not measured".to_owned(),
        |share| format!("they took {}", units::share(share)),
    );
    let shed = facts::shed(report).map_or_else(
        || "none had to be taken off for its cost".to_owned(),
        |shed| format!("{shed}, for the reasons beside them"),
    );
    format!("{predicted}; {observed}; {shed}.")
}

fn hit_cost(ns: Option<f64>) -> String {
    ns.filter(|ns| ns.is_finite() && *ns >= 0.0).map_or_else(
        || "an unmeasured cost".to_owned(),
        |ns| units::duration(ns as u64),
    )
}

pub(super) fn cannot_see(view: &View<'_>) -> Markup {
    html! {
        section id="not-seen" {
            h2 { "Not seen" small { "what this run could not look at" } }
            @if view.report.cannot_see.is_empty() {
                p.empty { "Nothing is known to be missing." }
            } @else {
                ul { @for sentence in &view.report.cannot_see { li { (words::prose(sentence)) } } }
            }
        }
    }
}
