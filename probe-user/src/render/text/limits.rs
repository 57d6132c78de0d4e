//! What the numbers leave out: hits that were lost, and what cannot be seen at all.

use super::{
    Page, fit,
    line::{Line, Style},
    probes, units,
};
use crate::report::{Probe, Report};

pub(super) fn lost(report: &Report, page: &mut Page<'_>) {
    if report.probes.iter().all(|probe| probe.hits == 0) {
        return;
    }
    let sentences: Vec<_> = report.probes.iter().flat_map(sentences).collect();
    if sentences.is_empty() {
        page.heading("LOST", "nothing: every hit became a measured operation");
        return;
    }
    page.heading("LOST", "hits that are counted and not in the latencies");
    let widest = sentences
        .iter()
        .map(|(name, _)| fit::columns(name))
        .max()
        .unwrap_or(0);
    for (name, sentence) in sentences {
        let label = Line::indented(2).plain(name).padded_to(2 + widest + 2);
        page.prose(label, Style::Plain, &sentence);
    }
}

fn sentences(probe: &Probe) -> Vec<(String, String)> {
    let mut texts: Vec<_> = probe
        .lost
        .iter()
        .filter(|&(_, &n)| n > 0)
        .map(|(reason, &n)| in_words(reason, n))
        .collect();
    if probe.open > 0 {
        texts.push(format!(
            "{} had not ended when the window did",
            units::counted(probe.open, "operation")
        ));
    }
    let accounted = probe
        .completed
        .saturating_add(probe.open)
        .saturating_add(probes::lost(probe));
    if accounted != probe.hits {
        texts.push(format!(
            "{} do not add up: {} done, open and lost. Do not trust this probe.",
            units::counted(probe.hits, "hit"),
            units::count(accounted)
        ));
    }
    let name = fit::shorten_middle(&fit::name(&probe.name), 20);
    texts.into_iter().map(|text| (name.clone(), text)).collect()
}

/// Says what a reason of `probe_ebpf::abi::lost` means to the reader.
fn in_words(reason: &str, n: u64) -> String {
    let operations = units::counted(n, "operation");
    let hits = units::counted(n, "hit");
    match reason {
        "stale" => format!(
            "{operations} whose end was not seen: the goroutine ended or began another instead"
        ),
        "panic" => format!("{operations} ended in a panic"),
        "full" => {
            format!("{hits} found a kernel table full: too many call paths or operations at once")
        }
        "orphan" => format!("{hits} ended an operation that had begun before the probe was on"),
        "window" => format!(
            "{operations} still went on when a window of the probe closed: counted, not timed"
        ),
        "clock" => format!("{operations} during which the clock stepped back"),
        "foreign" => format!("{hits} came from something that is not a goroutine of the target"),
        other => format!("{hits} lost as `{}`", fit::name(other)),
    }
}

pub(super) fn cannot_see(report: &Report, page: &mut Page<'_>) {
    if report.cannot_see.is_empty() {
        return;
    }
    page.heading("NOT SEEN", "what this run could not look at");
    for text in &report.cannot_see {
        page.prose(
            Line::indented(2).secondary("· "),
            Style::Plain,
            &fit::name(text),
        );
    }
}
