//! A latency distribution as a small drawing, on an axis that all rows of the table share.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::bins::{Axis, Bins};
use crate::{render::units, report::Latency};

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 30.0;
/// Below the axis' labels of one size no two overlap at this distance.
const LABEL_ROOM: f64 = 34.0;

/// Draws one bar a bin; heights are logarithms of counts, so that a tail of one in a million is seen.
pub(super) fn draw(bins: &Bins, axis: &Axis, latency: &Latency) -> Markup {
    let at = |ns| decimal(axis.share(ns) * WIDTH);
    let label = format!(
        "half within {}, 99 % within {}, slowest {}",
        units::duration(latency.p50_ns),
        units::duration(latency.p99_ns),
        units::duration(latency.max_ns)
    );
    html! {
        svg.spark viewBox=(view_box(HEIGHT)) role="img" aria-label=(label) {
            @for ns in axis.decades() {
                line.decade x1=(at(ns)) x2=(at(ns)) y1="0" y2=(HEIGHT) {}
            }
            path.bars d=(bars(bins, axis)) {}
            @for (class, ns) in [("p50", latency.p50_ns), ("p99", latency.p99_ns)] {
                line class=(class) x1=(at(ns)) x2=(at(ns)) y1="0" y2=(HEIGHT) {}
            }
        }
    }
}

/// Labels the powers of ten of the axis.
pub(super) fn scale(axis: &Axis) -> Markup {
    let mut free_from = 0.0;
    let mut labels = Vec::new();
    for ns in axis.decades() {
        let x = axis.share(ns) * WIDTH;
        if x >= free_from && x <= WIDTH - LABEL_ROOM / 2.0 {
            labels.push((x, units::decade(ns)));
            free_from = x + LABEL_ROOM;
        }
    }
    html! {
        svg.scale viewBox=(view_box(12.0)) aria-hidden="true" {
            @for (x, label) in labels {
                text x=(decimal(x)) y="10" { (label) }
            }
        }
    }
}

fn view_box(height: f64) -> String {
    format!("0 0 {WIDTH} {height}")
}

fn bars(bins: &Bins, axis: &Axis) -> String {
    let range = axis.range();
    let step = WIDTH / f64::from(range.end - range.start);
    let highest = bins.0.iter().map(|(_, count)| *count).max().unwrap_or(1);
    let mut path = String::new();
    for &(bin, count) in &bins.0 {
        let x = f64::from(bin.saturating_sub(range.start)) * step;
        let height = (1.0 + count as f64).ln() / (1.0 + highest as f64).ln() * HEIGHT;
        write!(
            path,
            "M{} {HEIGHT}v-{}h{}V{HEIGHT}z",
            decimal(x),
            decimal(height.max(1.5)),
            decimal(step)
        )
        .expect("a String takes every write");
    }
    path
}

/// Writes a coordinate with two digits, without those that say nothing.
fn decimal(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_of_one_is_seen_beside_millions() {
        let bins = Bins(vec![(80, 10_000_000), (107, 1)]);
        let axis = Axis::around(bins.ends().into_iter()).unwrap();
        let path = bars(&bins, &axis);
        assert!(path.starts_with("M0 30v-30h"), "{path}");
        let tail = path.split('M').next_back().unwrap();
        assert!(tail.starts_with("231.43 30v-1.5h"), "{path}");
    }

    #[test]
    fn labels_do_not_run_into_each_other() {
        let bins = Bins(vec![(0, 1), (400, 1)]);
        let shown = scale(&Axis::around(bins.ends().into_iter()).unwrap()).into_string();
        let starts: Vec<f64> = (shown.split("text x=\"").skip(1))
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert!(starts.len() > 3, "{shown}");
        assert!(
            starts.windows(2).all(|x| x[1] - x[0] >= LABEL_ROOM),
            "{starts:?}"
        );
    }
}
