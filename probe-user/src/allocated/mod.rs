//! What windows saw of allocations, and what the runtime's own memory profile says of them, in; the best of both
//! out.
//!
//! The profile samples one allocation per `MemProfileRate` bytes, all the time; windows see every allocation, for
//! a part of the time. Each has an error that is known, and they don't depend on each other: they are weighted by
//! its inverse square. What the profile counts is rounded up to the allocator's size classes; what is reported is
//! what was asked for.

mod by_size;
mod unseen;

use std::collections::{BTreeMap, HashMap};

pub(crate) use by_size::{ALLOCATOR, bound};
pub(crate) use unseen::{Unseen, unseen};

use crate::{
    aggregate::Profile,
    estimate::Z,
    observed::{HeapSite, State},
    plan::ProbeName,
    recording::Recording,
    report::{CallSite, StackFrame},
    size_class,
    symbolize::NamedCallSite,
};

/// Smaller objects without pointers share a slot, which the profile counts once, for whoever opened it
/// (src/runtime/malloc.go, the tiny allocator).
const TINY_BYTES: f64 = 16.0;
/// Objects of one size have the same mean in the profile and in windows, but for rounding.
const SAME_SIZE: f64 = 0.001;
/// Fewer samples don't tell their own error.
const MIN_SAMPLES: f64 = 10.0;

/// A figure and its variance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Figure {
    value: f64,
    variance: f64,
}

/// What the profile says of a line for the time of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Profiled<'a> {
    /// One that it is on.
    stack: &'a [StackFrame],
    objects: Figure,
    bytes: Figure,
}

/// Lines of the user's code.
type Lines<'a> = HashMap<&'a StackFrame, Profiled<'a>>;

/// What became of a call site's estimate, as factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Refined {
    pub(crate) count: f64,
    pub(crate) bytes: f64,
    /// The ends of the interval, of the count.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// Refines the estimates of what windows saw, `sites` side by side with `named`, and returns by how much, for each row
/// of the profile.
pub(crate) fn refine(
    sites: &mut [CallSite],
    named: &[NamedCallSite],
    recording: &Recording,
    duration_ns: u64,
) -> BTreeMap<u32, Refined> {
    let mut refined = BTreeMap::new();
    let Some(lines) = grown(recording, duration_ns) else {
        return refined;
    };
    let is_alloc = |site: &CallSite| site.probe == ProbeName::Alloc.as_str();
    for (site, named) in sites
        .iter_mut()
        .zip(named)
        .filter(|(site, _)| is_alloc(site))
    {
        // One line may be inlined in several functions, and the profile's lines don't tell them apart.
        if let Some(profiled) = lines
            .get(&named.site)
            .filter(|_| site.inlined_into.is_none())
        {
            let (count, bytes) = (site.count, site.bytes);
            refine_one(site, named, profiled, &recording.profile, duration_ns);
            let part = |now: u64, before: u64| now as f64 / before.max(1) as f64;
            let factors = Refined {
                count: part(site.count, count),
                bytes: part(site.bytes.unwrap_or(0), bytes.unwrap_or(0)),
                low: part(site.count_low, site.count),
                high: part(site.count_high, site.count),
            };
            refined.extend(named.rows.iter().map(|row| (*row, factors)));
        }
    }
    refined
}

fn refine_one(
    site: &mut CallSite,
    named: &NamedCallSite,
    profiled: &Profiled<'_>,
    profile: &Profile,
    duration_ns: u64,
) {
    let (Some(bytes), Some(asked_share)) = (site.bytes, asked_share(named, profiled, profile))
    else {
        return;
    };
    if site.count == 0 {
        return;
    }
    let count = site.count as f64;
    let error = (site.count_high.saturating_sub(site.count_low)) as f64 / (2.0 * Z) / count;
    let seen = |value: f64| Figure {
        value,
        variance: (value * error).powi(2),
    };
    let best_count = seen(count).with(profiled.objects);
    let best_bytes = seen(bytes as f64).with(profiled.bytes.times(asked_share));
    let seconds = (duration_ns as f64 / 1e9).max(1e-9);
    let at_least = |value: f64| (value.max(0.0).round() as u64).max(site.hits);
    let margin = Z * best_count.variance.sqrt();
    site.count_low = at_least(best_count.value - margin);
    site.count_high = at_least(best_count.value + margin);
    site.count = at_least(best_count.value);
    site.rate_per_s = site.count as f64 / seconds;
    let bytes = best_bytes.value.max(named.totals.bytes as f64);
    site.bytes = Some(bytes.round() as u64);
    site.bytes_per_s = Some(bytes / seconds);
}

/// Returns which part of the bytes that the allocator took was asked for; `None` where the profile does not
/// count every object. That is told where all objects of a path are of one size; of different sizes it is most,
/// as the classes are an eighth apart at most.
fn asked_share(named: &NamedCallSite, profiled: &Profiled<'_>, profile: &Profile) -> Option<f64> {
    let (mut begun, mut asked, mut taken) = (0.0, 0.0, 0.0);
    for row in named.rows.iter().filter_map(|row| profile.rows.get(row)) {
        let hits = row.totals.sized();
        if hits == 0 {
            continue;
        }
        let size = row.totals.bytes as f64 / hits as f64;
        if size < TINY_BYTES {
            return None;
        }
        begun += hits as f64;
        asked += row.totals.bytes as f64;
        taken += size_class::rounded(size) * hits as f64;
    }
    if begun <= 0.0 || profiled.objects.value <= 0.0 {
        return None;
    }
    let of_profile = profiled.bytes.value / profiled.objects.value;
    let is_of_one_size = (of_profile * begun / taken - 1.0).abs() < SAME_SIZE;
    Some(if is_of_one_size { asked / taken } else { 1.0 })
}

/// Returns what came to the profile during the run, by line; `None` where it was not read at both ends.
fn grown(recording: &Recording, duration_ns: u64) -> Option<Lines<'_>> {
    let before = recording.header.state.as_ref()?;
    let after = recording.end.as_ref()?.state.as_ref()?;
    grown_between(before, after, duration_ns)
}

/// The same of two readings, the second of which is a moment after the run's end.
fn grown_between<'a>(before: &'a State, after: &'a State, duration_ns: u64) -> Option<Lines<'a>> {
    let between_ns = after.elapsed_ns.checked_sub(before.elapsed_ns)?;
    let part = (duration_ns as f64 / between_ns.max(1) as f64).clamp(0.5, 1.0);
    let mut lines = Lines::new();
    let mut add = |heap: &'a HeapSite, times: f64| {
        let Some(line) = heap.user_frame.and_then(|at| heap.stack.get(at as usize)) else {
            return;
        };
        let sum = lines.entry(line).or_default();
        sum.stack = &heap.stack;
        sum.objects.add(
            times * heap.allocated_objects as f64,
            times * heap.objects_variance,
        );
        sum.bytes.add(
            times * heap.allocated_bytes as f64,
            times * heap.bytes_variance,
        );
    };
    for heap in after.heap_profile.as_ref()? {
        add(heap, part);
    }
    for heap in before.heap_profile.as_ref()? {
        add(heap, -part);
    }
    Some(lines)
}

impl Figure {
    fn add(&mut self, value: f64, variance: f64) {
        self.value += value;
        self.variance += variance;
    }

    fn times(self, factor: f64) -> Self {
        Self {
            value: self.value * factor,
            variance: self.variance * factor * factor,
        }
    }

    /// Returns as how many samples it is worth.
    fn samples(self) -> f64 {
        self.value.max(0.0).powi(2) / self.variance.max(f64::MIN_POSITIVE)
    }

    /// Returns the best of this one and a sampled one.
    fn with(self, sampled: Self) -> Self {
        if sampled.samples() < MIN_SAMPLES {
            return self;
        }
        let weight = |of: Self| 1.0 / of.variance.max(1e-9);
        let (own, other) = (weight(self), weight(sampled));
        Self {
            value: (self.value * own + sampled.value * other) / (own + other),
            variance: 1.0 / (own + other),
        }
    }
}

#[cfg(test)]
mod tests {
    use probe_ebpf::abi::lost;

    use super::*;
    use crate::aggregate::{Buckets, Row, Totals};

    #[test]
    fn the_more_certain_figure_counts_for_more() {
        let windows = Figure {
            value: 100.0,
            variance: 100.0,
        };
        let sampled = Figure {
            value: 80.0,
            variance: 25.0,
        };
        let best = windows.with(sampled);
        assert!((best.value - 84.0).abs() < 1e-9, "{best:?}");
        assert!((best.variance - 20.0).abs() < 1e-9, "{best:?}");
    }

    #[test]
    fn a_handful_of_samples_tells_nothing() {
        let windows = Figure {
            value: 100.0,
            variance: 1e6,
        };
        let sampled = Figure {
            value: 5.0,
            variance: 5.0,
        };
        assert_eq!(windows.with(sampled), windows);
    }

    fn one_row(hits: u64, orphans: u64, bytes: u64) -> (NamedCallSite, Profile) {
        let mut row = Row::default();
        (row.totals.hits, row.totals.bytes) = (hits, bytes);
        row.totals.lost[lost::ORPHAN] = orphans;
        let profile = Profile {
            rows: [(3, row)].into(),
            ..Profile::default()
        };
        let named = NamedCallSite {
            probe: "alloc".to_owned(),
            site: StackFrame::default(),
            inlined_into: None,
            stack: Vec::new(),
            totals: Totals::default(),
            buckets: Buckets::default(),
            rows: vec![3],
            details: Vec::new(),
        };
        (named, profile)
    }

    fn of_size(size: f64) -> Profiled<'static> {
        let figure = |value| Figure {
            value,
            variance: 0.0,
        };
        Profiled {
            stack: &[],
            objects: figure(1_000.0),
            bytes: figure(1_000.0 * size),
        }
    }

    #[test]
    fn what_was_asked_for_is_told_where_all_objects_are_of_one_size() {
        let share = |(named, profile): (NamedCallSite, Profile), size| {
            asked_share(&named, &of_size(size), &profile)
        };
        // 40 bytes take a slot of 48; what ended unseen to begin has no size.
        let told = share(one_row(12, 2, 400), 48.0).unwrap();
        assert!((told - 40.0 / 48.0).abs() < 1e-9, "{told}");
        let mixed = share(one_row(10, 0, 24_000), 2_406.0);
        assert_eq!(mixed, Some(1.0));
        assert_eq!(share(one_row(10, 0, 80), 16.0), None);
    }

    #[test]
    fn readings_before_and_after_are_what_came_in_between() {
        let line = StackFrame {
            function: "main.make".into(),
            line: 7,
            ..StackFrame::default()
        };
        let state = |objects: u64| State {
            elapsed_ns: objects * 50,
            heap_profile: Some(vec![HeapSite {
                stack: vec![StackFrame::default(), line.clone()],
                user_frame: Some(1),
                allocated_objects: objects,
                allocated_bytes: objects * 64,
                objects_variance: objects as f64,
                ..HeapSite::default()
            }]),
            ..State::default()
        };
        let (before, after) = (state(10), state(30));
        let lines = grown_between(&before, &after, 1_000).unwrap();
        let of_line = lines[&line];
        assert!((of_line.objects.value - 20.0).abs() < 1e-9);
        assert!((of_line.objects.variance - 20.0).abs() < 1e-9);
        assert!((of_line.bytes.value - 1_280.0).abs() < 1e-9);
    }
}
