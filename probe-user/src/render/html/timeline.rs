//! How each probe's rate went over the window: one strip a probe, on one axis of time.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{spark::decimal, view::View, words};
use crate::{
    render::units,
    report::{Series, Timeline},
};

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 36.0;
/// With fewer spans there is no course to see.
const MIN_SPANS: usize = 3;

/// Returns the time line, where it shows a course.
pub(super) fn of<'a>(view: &View<'a>) -> Option<&'a Timeline> {
    let timeline = view.report.timeline.as_ref()?;
    let is_sound = |series: &Series| series.hits.len() == timeline.ends_ns.len();
    let is_shown = timeline.ends_ns.len() >= MIN_SPANS && timeline.series.iter().all(is_sound);
    is_shown.then_some(timeline)
}

pub(super) fn section(view: &View<'_>) -> Markup {
    let Some(timeline) = of(view) else {
        return html! {};
    };
    let end_ns = timeline.ends_ns.last().copied().unwrap_or_default();
    html! {
        section id="timeline" {
            h2 { "Time line" small { "hits per second, each strip up to its own peak" } }
            div.strips id="strips" {
                @for series in &timeline.series { (strip(series, timeline)) }
                div.strip.axis aria-hidden="true" {
                    span {} div { span { "0" } span { (units::duration(end_ns / 2)) } span { (units::duration(end_ns)) } } span {}
                }
            }
            @if view.report.probes.iter().any(|probe| probe.observed_share < 1.0) {
                p.note { "A probe that was on for a part of the time only shows no hits while it was off." }
            }
        }
    }
}

fn strip(series: &Series, timeline: &Timeline) -> Markup {
    let rates = rates(&series.hits, &timeline.ends_ns);
    let peak = rates.iter().copied().fold(0.0, f64::max);
    html! {
        div.strip {
            span.tag.probe { (words::name(&series.probe)) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label={ (words::name(&series.probe)) ", at most " (units::rate(peak)) } {
                path.bars d=(area(&rates, &timeline.ends_ns, peak)) {}
                line.cursor x1="-9" x2="-9" y1="0" y2=(HEIGHT) {}
            }
            span.value data-peak={ "peak " (units::rate(peak)) } { "peak " (units::rate(peak)) }
        }
    }
}

/// Hits per second of each span.
fn rates(hits: &[u64], ends_ns: &[u64]) -> Vec<f64> {
    let mut begin_ns = 0;
    let spans = hits.iter().zip(ends_ns).map(|(&hits, &end_ns)| {
        let seconds = end_ns.saturating_sub(begin_ns) as f64 / 1e9;
        begin_ns = end_ns;
        if seconds > 0.0 {
            hits as f64 / seconds
        } else {
            0.0
        }
    });
    spans.collect()
}

fn area(rates: &[f64], ends_ns: &[u64], peak: f64) -> String {
    let whole = ends_ns.last().copied().unwrap_or(1).max(1) as f64;
    let mut path = format!("M0 {HEIGHT}");
    for (rate, &end_ns) in rates.iter().zip(ends_ns) {
        let height = if peak > 0.0 {
            rate / peak * (HEIGHT - 1.0)
        } else {
            0.0
        };
        let right = end_ns as f64 / whole * WIDTH;
        write!(path, "V{}H{}", decimal(HEIGHT - height), decimal(right))
            .expect("a String takes every write");
    }
    format!("{path}V{HEIGHT}z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_whatever_the_span() {
        assert_eq!(
            rates(&[5, 5, 5], &[1_000_000_000, 1_500_000_000, 1_500_000_000]),
            [5.0, 10.0, 0.0]
        );
    }

    #[test]
    fn the_peak_reaches_the_top_and_nothing_the_other_side() {
        let ends = [500, 1_000];
        assert_eq!(area(&[10.0, 5.0], &ends, 10.0), "M0 36V1H500V18.5H1000V36z");
        assert_eq!(area(&[0.0, 0.0], &ends, 0.0), "M0 36V36H500V36H1000V36z");
    }
}
