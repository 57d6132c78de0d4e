//! Lines that only the runtime's own memory profile saw: windows may miss what comes seldom.

use std::collections::HashSet;

use super::{Lines, MIN_SAMPLES, Profiled, grown};
use crate::{
    estimate::Z,
    plan::ProbeName,
    recording::Recording,
    report::{CallSite, StackFrame},
};

/// A line, and what it allocated during the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unseen<'a> {
    pub(crate) line: &'a StackFrame,
    /// Innermost first; the line is one of them.
    pub(crate) stack: &'a [StackFrame],
    pub(crate) count: u64,
    /// The ends of the interval, of the count.
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// As the allocator rounds them up.
    pub(crate) bytes: u64,
}

/// Returns the lines that are not among `sites`, of those with enough samples to tell.
pub(crate) fn unseen<'a>(
    sites: &[CallSite],
    recording: &'a Recording,
    duration_ns: u64,
) -> Vec<Unseen<'a>> {
    let allocates = |site: &&CallSite| site.probe == ProbeName::Alloc.as_str();
    let seen = sites
        .iter()
        .filter(allocates)
        .map(|site| (site.function.as_ref(), site.file.as_ref(), site.line))
        .collect();
    grown(recording, duration_ns).map_or_else(Vec::new, |lines| others(lines, &seen))
}

/// Which line it is, however it is inlined.
type Place<'a> = (&'a str, &'a str, u32);

fn others<'a>(lines: Lines<'a>, seen: &HashSet<Place<'_>>) -> Vec<Unseen<'a>> {
    let is_other = |(line, grown): &(&StackFrame, Profiled<'_>)| {
        grown.objects.samples() >= MIN_SAMPLES && !seen.contains(&place(line))
    };
    let mut others: Vec<_> = (lines.into_iter().filter(is_other))
        .map(|(line, grown)| Unseen::of(line, &grown))
        .collect();
    others.sort_by(|a, b| place(a.line).cmp(&place(b.line)));
    others
}

impl<'a> Unseen<'a> {
    fn of(line: &'a StackFrame, grown: &Profiled<'a>) -> Self {
        let count = |errors: f64| {
            let objects = grown.objects.value + errors * grown.objects.variance.sqrt();
            objects.max(0.0).round() as u64
        };
        Self {
            line,
            stack: grown.stack,
            count: count(0.0),
            low: count(-Z),
            high: count(Z),
            bytes: grown.bytes.value.max(0.0).round() as u64,
        }
    }
}

fn place(line: &StackFrame) -> Place<'_> {
    (&line.function, &line.file, line.line)
}

#[cfg(test)]
mod tests {
    use super::{super::Figure, *};

    #[test]
    fn lines_that_windows_missed_are_told_where_samples_are_enough() {
        let line = |function: &str| StackFrame {
            function: function.into(),
            ..StackFrame::default()
        };
        let [seen, missed, rare] = ["main.seen", "main.missed", "main.rare"].map(line);
        let grown = |objects: f64, samples: f64| Profiled {
            objects: Figure {
                value: objects,
                variance: objects * objects / samples,
            },
            bytes: Figure {
                value: objects * 4096.0,
                variance: 0.0,
            },
            stack: &[],
        };
        let lines = [
            (&seen, grown(500.0, 100.0)),
            (&missed, grown(500.0, 100.0)),
            (&rare, grown(500.0, 5.0)),
        ];
        let found = others(lines.into(), &[place(&seen)].into());
        let [found] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(
            (found.line, found.count, found.bytes),
            (&missed, 500, 2_048_000)
        );
        assert_eq!((found.low, found.high), (402, 598));
    }
}
