//! What a whole run amounts to, from what windows of it saw.
//!
//! A probe that was on all the time needs none of this: its counts are exact. For the others each window
//! stands for its period (`aggregate::sampling`). Two things are added here. Probes slow a program down that
//! has nothing to wait for, so that windows see fewer operations than there are without them (dilation). And
//! where the runtime itself counts, its totals are right, and the windows only divide them.

mod outside;
mod reference;
mod roles;

use std::collections::BTreeMap;

use outside::{OutsideTime, Told};
use probe_ebpf::abi::NO_ROLE;

use crate::{
    aggregate::{Free, ProbeSampling, Profile, RowSampling},
    observed::RuntimeCounters,
    plan::ProbeName,
    recording::Recording,
    report::{Cost, Probe},
};

/// Two-sided 95 % of the normal distribution.
pub(crate) const Z: f64 = 1.96;
/// What is not known of a calibrated cost: caches are colder in a real program, call paths longer, and other virtual
/// machines get in the way. Less than in the calibration's loop it hardly is.
const COSTS_LESS: f64 = 0.2;
const COSTS_MORE: f64 = 0.6;
/// A program that uses less leaves its CPU idle: it waits for something, and probes don't lower its rate.
const BUSY_CPUS: f64 = 0.4;
/// Unless it would use most of a CPU if others had not taken it: of two programs that share one, each uses less than half.
const STARVED_CPUS: f64 = 0.75;
/// Standard error of the CPU time in a window: that of a thread that is running is as of the last tick of its CPU, 4 ms
/// at most (kernel/sched/cputime.c `thread_group_cputime`), at both ends.
const TICK_ERROR_NS: f64 = 4e6 * 0.41;
/// What is left of a slowed program's time beside the probe's cost: too little to be a difference of two prices, and
/// enough.
const LEFT_UNKNOWN: f64 = 0.1;
const LEFT_KNOWN: f64 = 0.25;
/// A program that is slowed down by less may as well not be slowed down at all.
const PACED: f64 = 1.3;
/// A part of a probe's operations that is so small may be of another goroutine than those that it slows down, and one that
/// is so small is: a loop that does nothing else leaves nothing else much to do.
const MINOR: f64 = 0.2;
const RARE: f64 = 0.02;
/// A channel tells more than costs do even where looks at it differ much.
const CHANNEL_ERROR: f64 = 0.5;
/// How many times as much there is at least while nobody looks, where a CPU is taken from the target for that: its goroutines
/// use a channel in turns then, which is quicker (one to five that hand elements to each other on two CPUs).
const CROWDED_OUT: f64 = 0.45;
/// Where no goroutine waits at the channel for more of the time, they hand nothing over.
const HANDED_OVER: f64 = 0.15;
/// So little of the elements pass through the buffer at least where a goroutine always waits for one.
const ALWAYS_AWAITED: f64 = 0.05;
/// What rtprobe needs of a CPU for that.
const OWN_CPUS: f64 = 0.9;
/// Of the time between two readings of the target's memory.
const READING_ERROR: f64 = 0.03;
/// No operation takes less in which a goroutine waits for another one: they take turns on a processor.
const LEAST_HAND_OVER_NS: f64 = 100.0;
/// No operation of the runtime's takes less.
const LEAST_OPERATION_NS: f64 = 10.0;
/// What operations on channels take of CPU time in the runtime's functions, at least and usually where little else is
/// done: programs that only send, receive or select took 13 to 75 and 70 to 120 ns.
const CHANNEL_NS: (f64, f64) = (8.0, 30.0);
const SELECT_NS: (f64, f64) = (30.0, 100.0);
/// Fewer samples say nothing of that.
const FEW_SAMPLES: f64 = 20.0;
/// Bounds that are so much apart leave open what is between them.
const OPEN: f64 = 6.0;
/// From how many CPUs on a probe draws out a burst, and by how much more that has to be than on average for there to be
/// bursts.
const CROWDED: f64 = 0.1;
const UNEVEN: f64 = 3.0;
/// CPUs that a probe takes in windows where operations are of which some, or all, are shorter than the burst.
const SOME_FULL: f64 = 0.6;
const ALL_FULL: f64 = 0.9;
/// Nothing is known to a tenth of what is spent.
const TOLERATED: f64 = 1.1;
/// Share of the target's CPU time from which on probes change what its goroutines wait for each other by more than the
/// 5 % that latencies are to be right to (sends that waited 20 µs took 34 when all were probed, `cargo xtask bench truth`).
const SLOWS: f64 = 0.05;
/// The runtime hands out numbers and books allocations in batches, and is read a moment before and after (totals of
/// `tests/targets/flatout` were off by -1 to +4 %).
const COUNTER_ERROR: f64 = 0.03;
/// The run by the time between the two readings.
const LEAST_PART: f64 = 0.5;
const MOST_PART: f64 = 1.5;

/// What the estimates need to know of the whole run.
#[derive(Clone, Copy)]
struct Run<'a> {
    profile: &'a Profile,
    duration_ns: u64,
    /// How long threads of the target could have run and did not, together.
    waited_ns: u64,
    outside: Option<OutsideTime>,
    /// More operations the target's CPU time has no room for.
    most: f64,
    /// So many there are if they take as long as is usual where nothing else is done.
    usual: Option<f64>,
    /// Operations of the probe may wait for another goroutine.
    hands_over: bool,
    host_cpus: u32,
    /// Which part of the target's CPU time this is about, if it is not all, and the relative standard error of the same in
    /// windows.
    part: Option<f64>,
    of_windows_error: f64,
    /// The relative standard error of which part of the probe's operations that is.
    of_operations_error: f64,
    /// By how much slower it was in windows, and the relative standard error of that, where that is known of a part.
    slower: Option<(f64, f64)>,
}

impl Run<'_> {
    fn target_ns(&self) -> f64 {
        let spending = self.profile.spending.as_ref();
        spending.map_or(0.0, |run| run.target_ns as f64) * self.part.unwrap_or(1.0)
    }

    /// Returns on how many CPUs the target ran.
    fn cpus(&self) -> f64 {
        self.target_ns() / self.duration_ns.max(1) as f64
    }

    /// Returns whether something else that was slower in windows may be for the same reason.
    fn may_be_slower(&self, (other, error): (f64, f64)) -> bool {
        let is_alike =
            |(own, of_own): (f64, f64)| (other / own).ln().abs() <= Z * error.hypot(of_own);
        self.slower.is_none_or(is_alike)
    }

    /// Returns how many times as much goes through channels while nobody looks: likely, and at least.
    fn while_nobody_looks(&self, channels: &Free) -> (f64, f64) {
        let ran = self.target_ns() / (self.target_ns() + self.waited_ns as f64).max(1.0);
        let ran = 1.0 - (1.0 - ran) * channels.waited.sqrt();
        let cpus = self.cpus() / self.part.unwrap_or(1.0).max(f64::MIN_POSITIVE);
        let is_crowded =
            cpus + OWN_CPUS > f64::from(self.host_cpus) && channels.waited_at > HANDED_OVER;
        (ran.sqrt(), if is_crowded { CROWDED_OUT * ran } else { ran })
    }
}

/// How estimates of a probe's operations become those of the unprobed program.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    /// What windows tell of them.
    sampling: ProbeSampling,
    /// Which part of the probe's operations they are.
    of: f64,
    duration_ns: u64,
    /// Of what stands for itself only.
    whole: f64,
    /// Of what the windows stand for.
    factor: f64,
    low: f64,
    high: f64,
    /// More operations the target's CPU time has no room for.
    most: f64,
    /// The total is known, with this relative error: windows only divide it.
    known_total: Option<f64>,
    /// By the runtime's own count, in which nothing is missing.
    by_runtime: bool,
    /// Of what windows stand for where the probe slows the program down, if it does not slow down what comes at its own
    /// pace.
    paced: Option<f64>,
}

/// An estimate with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Estimate {
    pub(crate) count: u64,
    pub(crate) low: u64,
    pub(crate) high: u64,
    /// What there may be more, of however many rows.
    pub(crate) unseen: u64,
    pub(crate) bytes: u64,
}

/// The same of a whole probe, and of its operations by goroutines of one role and another where they are slowed down
/// differently.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    all: Part,
    roles: BTreeMap<u16, Part>,
}

impl Scale {
    /// Returns the scale of a probe, `None` where its counts are exact: it was on all the time.
    pub(crate) fn of(recording: &Recording, probe: &str, duration_ns: u64) -> Option<Self> {
        let sampling = *recording.profile.sampling.probes.get(probe)?;
        let total = total_of_runtime(recording, probe, duration_ns)
            .filter(|_| is_partial(&sampling, duration_ns));
        let (most, usual) = room(recording, probe);
        let run = Run {
            profile: &recording.profile,
            duration_ns,
            waited_ns: waited_ns(recording).unwrap_or(0),
            outside: outside_time(recording),
            most,
            usual,
            hands_over: matches!(
                ProbeName::from_name(probe),
                Some(ProbeName::ChanSend | ProbeName::ChanRecv | ProbeName::Select)
            ),
            host_cpus: recording.header.host.cpus,
            part: None,
            of_windows_error: 0.0,
            of_operations_error: 0.0,
            slower: None,
        };
        let all = Part::new(&sampling, &run, total.as_ref());
        let apart = roles::told_apart(recording, probe, &run, total.as_ref());
        Some(match apart {
            Some(apart) => Self {
                all: all.unsure(apart.rest),
                roles: apart.parts,
            },
            None => Self {
                all,
                roles: BTreeMap::new(),
            },
        })
    }

    /// Returns the part of the run that the probe was on.
    pub(crate) fn observed_share(&self, duration_ns: u64) -> f64 {
        (self.all.sampling.on_ns as f64 / duration_ns.max(1) as f64).min(1.0)
    }

    /// Returns in how many windows the probe was on at random moments; `None` where it was on for long.
    pub(crate) fn windows(&self) -> Option<u64> {
        let sampling = &self.all.sampling;
        let was_short = sampling.on_ns < self.all.duration_ns / 10;
        was_short.then_some(sampling.windows)
    }

    /// Returns the estimate of some rows together; there are at least the `hits` that were seen.
    pub(crate) fn estimate(&self, profile: &Profile, rows: &[u32], hits: u64) -> Estimate {
        let mut by_role: BTreeMap<u16, Vec<u32>> = BTreeMap::new();
        for row in rows {
            by_role
                .entry(self.role(profile, *row))
                .or_default()
                .push(*row);
        }
        let estimates = by_role.iter().map(|(role, rows)| {
            let least = if by_role.len() == 1 { hits } else { 0 };
            self.part(*role).estimate(profile, rows, least)
        });
        let sum = estimates.reduce(Estimate::and);
        sum.unwrap_or_default().at_least(hits)
    }

    /// Returns what a row counted that stands for itself, and what its windows stand for.
    pub(crate) fn parts(&self, profile: &Profile, row: u32) -> Option<(f64, f64)> {
        let sampled = profile.sampling.rows.get(&row)?;
        let part = self.part(self.role(profile, row));
        Some((sampled.whole * part.whole, sampled.count * part.factor))
    }

    /// Returns the estimate of the probe's operations.
    pub(crate) fn total(&self, hits: u64) -> u64 {
        let Self { all, roles } = self;
        let told: Vec<&Part> = roles.values().collect();
        let sum = |of: fn(&Part) -> f64| told.iter().map(|part| of(part)).sum::<f64>();
        let rest = Part {
            sampling: ProbeSampling {
                whole: (all.sampling.whole - sum(|part| part.sampling.whole)).max(0.0),
                total: (all.sampling.total - sum(|part| part.sampling.total)).max(0.0),
                ..all.sampling
            },
            ..*all
        };
        ((rest.total() + sum(Part::total)).round() as u64).max(hits)
    }

    /// Returns the role of a row that is told apart, else none.
    fn role(&self, profile: &Profile, row: u32) -> u16 {
        roles::of_row(profile, row)
            .filter(|role| self.roles.contains_key(role))
            .unwrap_or(NO_ROLE)
    }

    fn part(&self, role: u16) -> &Part {
        self.roles.get(&role).unwrap_or(&self.all)
    }
}

impl Estimate {
    fn and(self, more: Self) -> Self {
        Self {
            count: self.count.saturating_add(more.count),
            low: self.low.saturating_add(more.low),
            high: self.high.saturating_add(more.high),
            unseen: self.unseen.saturating_add(more.unseen),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    fn at_least(self, hits: u64) -> Self {
        Self {
            count: self.count.max(hits),
            low: self.low.max(hits),
            high: self.high.max(hits),
            ..self
        }
    }
}

impl Part {
    fn new(sampling: &ProbeSampling, run: &Run<'_>, total: Option<&Counted>) -> Self {
        let scale = Self::of_all(sampling, run, total);
        let stretch = sampling.stretch(run.duration_ns);
        // Windows may have seen little by chance; that is not because of the probe.
        let chance = if scale.by_runtime {
            ProbeSampling::spread(1.0, sampling.error(), Z)
        } else {
            1.0
        };
        let slower = scale.factor / stretch / chance;
        Self {
            paced: (slower >= PACED).then_some(stretch),
            ..scale
        }
    }

    /// Returns the scale of a probe's operations all together.
    fn of_all(sampling: &ProbeSampling, run: &Run<'_>, total: Option<&Counted>) -> Self {
        let Run {
            duration_ns, most, ..
        } = *run;
        let stretch = sampling.stretch(duration_ns);
        let scale = Self {
            sampling: *sampling,
            of: 1.0,
            duration_ns,
            whole: if sampling.is_look_only() {
                stretch
            } else {
                1.0
            },
            factor: stretch,
            low: stretch,
            high: stretch,
            most,
            known_total: None,
            by_runtime: false,
            paced: None,
        };
        match total {
            Some(&Counted { total, error }) if sampling.total > 0.0 => {
                let factor = sampling.factor_of(total);
                Self {
                    factor,
                    low: factor * (1.0 - error),
                    high: factor * (1.0 + error),
                    most: most.min(total * (1.0 + error)),
                    known_total: Some(error),
                    by_runtime: true,
                    ..scale
                }
            }
            // No window saw any, the first look did.
            Some(&Counted { total, error }) if sampling.whole > 0.0 => {
                let factor = (total / sampling.whole).max(1.0);
                Self {
                    whole: factor,
                    factor,
                    low: factor,
                    high: factor,
                    most: most.min(total * (1.0 + error)),
                    known_total: Some(error),
                    by_runtime: true,
                    ..scale
                }
            }
            _ if sampling.is_look_only() => scale,
            _ => {
                let outside = told_outside(sampling, run);
                let by_costs = told_by_costs(sampling, run);
                let by_reference = reference::told(sampling, run, by_costs.low / stretch)
                    .filter(|told| outside.is_none_or(|other| told.agrees_with(&other)));
                if let Some(told) = narrower(outside, by_reference).filter(Told::is_narrow) {
                    return scale.divide(told);
                }
                let by_count = narrower(told_by_channel(sampling, run, &by_costs), by_reference);
                let other = by_count.unwrap_or(by_costs);
                match outside.map(|told| told.within(&other)).or(by_count) {
                    Some(told) => scale.divide(told),
                    None => Self {
                        factor: by_costs.total,
                        low: by_costs.low,
                        high: by_costs.high,
                        ..scale
                    },
                }
            }
        }
    }

    /// Returns the scale of rows in the same function. What is a small part of all may be of a goroutine that waits for
    /// something else, and is not slowed down then; what is next to nothing is taken to be.
    fn of_function(&self, sum: &RowSampling) -> Self {
        let part = sum.of_function / self.sampling.total.max(f64::MIN_POSITIVE);
        let is_told_by_windows = sum.count > 0.0 && sum.corrected == 0.0;
        match self.paced.filter(|_| is_told_by_windows && part < MINOR) {
            Some(paced) => Self {
                factor: if part < RARE { paced } else { self.factor },
                low: self.low.min(paced),
                high: self.high.max(paced),
                known_total: None,
                ..*self
            },
            None => *self,
        }
    }

    /// Returns the same where there may be so many times as much, at least and at most.
    fn unsure(self, (least, most): (f64, f64)) -> Self {
        Self {
            low: self.low * least,
            high: self.high * most,
            ..self
        }
    }

    /// Returns the scale of windows that only divide what is known of all of them: by what it is to be multiplied.
    fn divide(self, known: Told) -> Self {
        Self {
            factor: known.total,
            low: known.low,
            high: known.high,
            known_total: Some((known.high / known.low).ln() / 2.0),
            ..self
        }
    }

    /// Returns the estimate of some rows together; there are at least the `hits` that were seen.
    fn estimate(&self, profile: &Profile, rows: &[u32], hits: u64) -> Estimate {
        let sampled = || rows.iter().filter_map(|row| profile.sampling.rows.get(row));
        let mut sum = RowSampling::default();
        let mut most = Some(0.0);
        for row in sampled() {
            sum.count += row.count;
            sum.bytes += row.bytes;
            sum.whole += row.whole;
            sum.whole_bytes += row.whole_bytes;
            sum.corrected += row.corrected.abs();
            sum.of_function = sum.of_function.max(row.of_function);
            most = most.zip(row.most).map(|(most, of_row)| most + of_row);
        }
        let of_function = self.of_function(&sum);
        let Self {
            factor, low, high, ..
        } = of_function;
        // Paths to the same line come and go together.
        let error: f64 = sampled().map(|row| of_function.error_of(row)).sum();
        let most = most.map_or(self.most, |most| most.min(self.most));
        let at_least = |value: f64| (value.max(0.0).round() as u64).max(hits);
        let whole = sum.whole * self.whole;
        let is_looked_at_only = sum.count <= 0.0;
        let (low, high) = if is_looked_at_only {
            let spread = ProbeSampling::spread(sum.whole, error, Z);
            let high = whole * spread + self.missed(sum.whole) * high;
            let is_known = self.known_total.is_some() || !self.sampling.is_cut;
            (whole / spread, if is_known { high } else { most })
        } else {
            let spread = ProbeSampling::spread(sum.count, error, Z);
            let windows = (sum.count / spread * low, sum.count * spread * high);
            (whole + windows.0, whole + windows.1)
        };
        let count = at_least(whole + sum.count * factor);
        Estimate {
            count,
            low: at_least(low),
            high: at_least(high.min(most)).max(count),
            unseen: (self.unseen() * self.high).round() as u64,
            bytes: (sum.whole_bytes * self.whole + sum.bytes * factor)
                .max(0.0)
                .round() as u64,
        }
    }

    /// Returns the estimate of all operations.
    fn total(&self) -> f64 {
        self.sampling.whole * self.whole + self.sampling.total * self.factor
    }

    /// Returns the standard error of a row's estimate, before it is scaled.
    fn error_of(&self, row: &RowSampling) -> f64 {
        let Some(error) = self.known_total else {
            return self.sampling.error_of(row, self.duration_ns);
        };
        if self.sampling.total > 0.0 {
            // What is all there is of a role is known as well as that.
            let rest = 1.0 - row.count / self.sampling.total;
            let is_all = if self.of < 1.0 {
                rest.max(0.0).sqrt()
            } else {
                1.0
            };
            return self.sampling.times(1.0 / self.of).error_of_part(row) * is_all;
        }
        let of_total = error / Z * row.whole;
        self.sampling.error_of_part_of_looks(row).hypot(of_total)
    }

    /// Returns how many operations may have been where windows saw none although a first look saw so many: they come
    /// in bursts that are at least as long.
    fn missed(&self, whole: f64) -> f64 {
        let looked_ns = self.sampling.whole_ns.max(1) as f64;
        let windows_ns = self.sampling.on_ns.saturating_sub(self.sampling.whole_ns) as f64;
        if whole * windows_ns / looked_ns < Z * Z {
            return 0.0;
        }
        self.unseen() * whole
    }

    /// Returns how many operations may have been where windows saw none (Poisson: the interval is that of the score
    /// test, whose middle is so much higher than what was seen).
    fn unseen(&self) -> f64 {
        if self.by_runtime || self.sampling.is_look_only() {
            return 0.0;
        }
        self.sampling.behind_each() * Z * Z / 2.0
    }
}

fn is_partial(sampling: &ProbeSampling, duration_ns: u64) -> bool {
    (sampling.on_ns as f64) < 0.9 * duration_ns as f64
}

/// By how much the rate without the probe is higher than with it: as measured, at least, and at most.
///
/// While the probe is on, an operation takes what the target used for it, less what the probe took of that. A
/// program that waits for something uses as much more as the probe takes; its rate is as it was. One that has
/// nothing to wait for uses what it always does, and what it would make of that without the probe follows from
/// the time that an operation takes by itself. Where that is a small difference of large numbers the bounds are
/// far apart, and it is never less than any operation takes.
///
/// A program that makes system calls or starts goroutines tells by itself how far it came: the scheduler counts those. On
/// a host that has nothing to spare that is how much slower it was, and the clients it waits for with it. Where the costs
/// tell of more than that, something else in it does so, and the costs are what is believed.
fn dilation(sampling: &ProbeSampling, run: &Run<'_>) -> (f64, f64, f64) {
    let Run {
        duration_ns,
        waited_ns,
        hands_over,
        ..
    } = *run;
    let usual = run.cpus();
    let waiting = waited_ns as f64 / duration_ns.max(1) as f64;
    let inside = &sampling.inside;
    let on_ns = inside.ns.max(1) as f64;
    let rate = inside.begun as f64 / on_ns;
    let cost = inside.cost_ns / on_ns;
    // Of goroutines of one role that may be because the scheduler works for them.
    let is_idle = run.part.is_none() && usual < BUSY_CPUS && usual + waiting < STARVED_CPUS;
    if is_idle || rate <= 0.0 || cost <= usual * 0.005 || !is_partial(sampling, duration_ns) {
        return (1.0, 1.0, 1.0);
    }
    let used = (inside.cpu_ns as f64 / on_ns).max(cost.min(usual));
    // A host that was slow when it was calibrated: what was used is the most that it can have been.
    let cost = cost.min(used);
    let factor = |cost: f64, used: f64| {
        let own_ns = ((used - cost) / rate).max(LEAST_OPERATION_NS);
        (usual / rate / own_ns).max(1.0)
    };
    let ticks = sampling.windows as f64 * usual.max(1.0);
    let of_ticks = TICK_ERROR_NS * ticks.sqrt() / on_ns;
    let noise = Z * of_ticks.hypot(used * run.of_windows_error);
    let (low, high) = (
        factor(cost * (1.0 - COSTS_LESS), used + noise),
        factor(cost * (1.0 + COSTS_MORE), used - noise),
    );
    // Where next to nothing is left beside the cost, the middle of what is possible is the least wrong by a factor.
    let left = 1.0 - cost / used.max(cost);
    let known = ((left - LEFT_UNKNOWN) / (LEFT_KNOWN - LEFT_UNKNOWN)).clamp(0.0, 1.0);
    let most = factor(cost * (1.0 + COSTS_MORE), used);
    let middle = (factor(cost * (1.0 - COSTS_LESS), used) * most).sqrt();
    let measured = factor(cost, used).powf(known) * middle.powf(1.0 - known);
    let measured = measured.min(high).max(low);
    if let Some((seen, error)) = reference::slowed_down(sampling, run, low) {
        let [least, most] = [1.0 - Z * error, 1.0 + Z * error].map(|by| (seen * by).max(1.0));
        return (seen.max(1.0), least, most);
    }
    // One that spins until it is time to go on looks the same, and loses nothing.
    if measured < PACED {
        return (measured, 1.0, high);
    }
    if !hands_over {
        return (measured, low, high);
    }
    // Goroutines that took turns on one processor do so on two when one of them is slowed down, and wake each other up:
    // that costs more than the probe, and is not known.
    (measured, low, high.max(usual / rate / LEAST_HAND_OVER_NS))
}

/// By what the operations of windows are to be multiplied, by what the probe took of the target's time.
fn told_by_costs(sampling: &ProbeSampling, run: &Run<'_>) -> Told {
    let stretch = sampling.stretch(run.duration_ns);
    let (factor, low, high) = dilation(sampling, run);
    let (likely, longest) = drawn_out(sampling);
    let low = low * stretch;
    let room = sampling.factor_of(run.most);
    let high = (high.max(longest) * stretch).min(room).max(low);
    let total = match run.usual {
        Some(usual) if high > low * OPEN => sampling.factor_of(usual),
        _ => factor.max(likely) * stretch,
    };
    Told {
        total: total.min(high).max(low),
        low,
        high,
    }
}

fn narrower(a: Option<Told>, b: Option<Told>) -> Option<Told> {
    let width = |told: &Told| told.high / told.low;
    a.into_iter()
        .chain(b)
        .min_by(|a, b| width(a).total_cmp(&width(b)))
}

/// By what the operations of windows are to be multiplied, so that they are as many as there were by how long the
/// program ran outside of the runtime.
fn told_outside(sampling: &ProbeSampling, run: &Run<'_>) -> Option<Told> {
    let time = run
        .outside
        .filter(|_| is_partial(sampling, run.duration_ns))?;
    let told = outside::told(&sampling.inside.outside, time, Z)?;
    (sampling.total > 0.0).then(|| Told {
        total: sampling.factor_of(told.total),
        low: sampling.factor_of(told.low),
        high: sampling.factor_of(told.high),
    })
}

/// By what the operations of windows are to be multiplied, so that they are as many as there were by how often the
/// channels were used that they are on; nothing where the costs tell otherwise.
fn told_by_channel(sampling: &ProbeSampling, run: &Run<'_>, by_costs: &Told) -> Option<Told> {
    let free = &sampling.free;
    let stretch = sampling.stretch(run.duration_ns);
    let error = free.error().filter(|error| *error < CHANNEL_ERROR)?;
    let factor_of = |rate: f64| rate * sampling.period_ns as f64 / free.windows.max(1.0);
    let spread = (Z * error.hypot(READING_ERROR)).exp();
    let (likely, least) = run.while_nobody_looks(free);
    let low = factor_of(free.least) * least / spread;
    let high = factor_of(free.most) * spread;
    // What is handed over past the buffer is not among them: of elements that come at any time as many as there is time in
    // which one is waited for, of those that come together one.
    let past_buffer = |awaited: f64| (1.0 - awaited).max(ALWAYS_AWAITED).recip();
    let usual = factor_of((free.least * free.most).sqrt()) * past_buffer(free.awaited).sqrt();
    let told = (free.windows > 0.0 && factor_of(free.rate) > 1.0).then(|| Told {
        total: usual * likely * stretch,
        low: low * stretch,
        high: high * past_buffer(free.awaited_at_most) * stretch,
    });
    told.filter(|told| told.agrees_with(&by_costs.wider(sampling.error())))
        .map(|told| told.at_most(sampling.factor_of(run.most)))
}

/// By how much more operations there may be in bursts that the probe draws out, likely and at most: of one that takes
/// longer than its window, the window sees as many operations as it has time for, with what the probe takes for each.
/// Where that is all that windows saw which saw any, the middle of what is possible is the least wrong by a factor;
/// where they saw ends of bursts as well, half of that (sends of 1 µs, 300 to 5000 at a time each 1 to 40 ms).
fn drawn_out(sampling: &ProbeSampling) -> (f64, f64) {
    let (typical, mean) = sampling.crowding();
    if typical < CROWDED || typical < UNEVEN * mean {
        return (1.0, 1.0);
    }
    let each_ns = sampling.crowd.cost_ns / sampling.crowd.operations.max(1.0);
    let most = 1.0 + each_ns / LEAST_OPERATION_NS;
    let full = ((typical - SOME_FULL) / (ALL_FULL - SOME_FULL)).clamp(0.0, 1.0);
    (most.powf((1.0 + full) / 4.0), most)
}

/// Returns how many operations of a probe the target had time for: at most, and, where it does little else and CPU samples
/// tell, usually.
fn room(recording: &Recording, probe: &str) -> (f64, Option<f64>) {
    let Some(spending) = &recording.profile.spending else {
        return (f64::INFINITY, None);
    };
    let target_ns = spending.target_ns as f64;
    let of_channels = match ProbeName::from_name(probe) {
        Some(ProbeName::ChanSend | ProbeName::ChanRecv) => Some(CHANNEL_NS),
        Some(ProbeName::Select) => Some(SELECT_NS),
        _ => None,
    };
    let Some(((least_ns, usual_ns), (part, most))) =
        of_channels.zip(in_operations(recording, probe))
    else {
        return (target_ns / LEAST_OPERATION_NS, None);
    };
    let usual = target_ns * part / usual_ns;
    (target_ns * most / least_ns, (part > 0.0).then_some(usual))
}

/// Returns in which part of the target's CPU time it was in a probe's functions by CPU samples, and at most.
fn in_operations(recording: &Recording, probe: &str) -> Option<(f64, f64)> {
    let samples = recording.end.as_ref()?.samples.as_ref()?;
    let probe = (recording.header.probes.iter()).find(|planned| planned.name == probe)?;
    let found = samples.in_functions(&probe.functions) as f64;
    let total = samples.total as f64;
    let most = found + (samples.lost + samples.partial) as f64 + Z * found.sqrt() + Z * Z;
    (total > 0.0).then(|| {
        let is_telling = found >= FEW_SAMPLES;
        let part = if is_telling { found / total } else { 0.0 };
        (part, (most / total).min(1.0))
    })
}

fn outside_time(recording: &Recording) -> Option<OutsideTime> {
    let samples = recording.end.as_ref()?.samples.as_ref()?;
    let target_ns = recording.profile.spending.as_ref()?.target_ns;
    OutsideTime::of(samples.outside, samples.total, target_ns as f64)
}

fn waited_ns(recording: &Recording) -> Option<u64> {
    let before = recording.header.state.as_ref()?.cpu_wait_ns?;
    let after = recording.end.as_ref()?.state.as_ref()?.cpu_wait_ns?;
    after.checked_sub(before)
}

/// What the runtime counted by itself during the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    pub(crate) total: f64,
    /// Relative, of 95 %.
    pub(crate) error: f64,
}

impl Counted {
    /// Returns by how much `counter` grew during the run; `None` where it was not read at both ends of it.
    pub(crate) fn of(
        recording: &Recording,
        duration_ns: u64,
        counter: impl Fn(&RuntimeCounters) -> Option<u64>,
    ) -> Option<Self> {
        let before = recording.header.state.as_ref()?;
        let after = recording.end.as_ref()?.state.as_ref()?;
        let grown = counter(&after.counters)?.checked_sub(counter(&before.counters)?)?;
        let between_ns = after.elapsed_ns.checked_sub(before.elapsed_ns)?;
        let part = (duration_ns as f64 / between_ns.max(1) as f64).max(LEAST_PART);
        // A target that ended was read a moment before; what it did since is taken to be as before.
        let unread = (part - 1.0).max(0.0);
        (part <= MOST_PART).then_some(Self {
            total: grown as f64 * part,
            error: COUNTER_ERROR + unread,
        })
    }
}

fn total_of_runtime(recording: &Recording, probe: &str, duration_ns: u64) -> Option<Counted> {
    let probe = ProbeName::from_name(probe)?;
    Counted::of(recording, duration_ns, |counters| match probe {
        ProbeName::GoroutineCreate => counters.goroutines_created,
        ProbeName::Alloc => counters.allocated_objects,
        ProbeName::CgoCall => counters.cgo_calls,
        _ => None,
    })
}

/// Says that the limit was not kept, and of how much it was a part.
pub(crate) fn overrun(cost: &Cost, profile: &Profile) -> Option<String> {
    let (share, limit) = (cost.target_share?, cost.budget_share?);
    let used_ms = profile.spending.as_ref()?.target_ns as f64 / 1e6;
    (share > limit * TOLERATED).then(|| {
        format!(
            "the probes took {:.1} % of the target's CPU time, more than the limit of {} %: it used {used_ms:.0} ms \
             in all, and the first look at each probe and a burst are not known before they come",
            share * 1e2,
            as_typed(limit),
        )
    })
}

/// Returns a limit in percent, as it was typed.
pub(crate) fn as_typed(limit: f64) -> f64 {
    (limit * 1e6).round() / 1e4
}

/// Says what probes that take much do to the latencies of operations that wait for other goroutines.
pub(crate) fn slows_others(cost: &Cost) -> Option<String> {
    let share = cost.target_share.filter(|share| *share > SLOWS)?;
    Some(format!(
        "latencies as they are without probes, of operations that wait for other goroutines: those were slowed down, too, by \
         probes that took {:.0} % of the target's CPU time; a limit as of --max-overhead 2% tells them truer",
        share * 1e2
    ))
}

/// Says what becomes of operations that take longer than a window.
pub(crate) fn limits(probes: &[Probe], profile: &Profile) -> Vec<String> {
    let cut = |probe: &&Probe| probe.lost.get("window").is_some_and(|n| *n > 0);
    probes
        .iter()
        .filter(cut)
        .filter_map(|probe| {
            let sampling = profile.sampling.probes.get(&probe.name)?;
            let n = probe.lost.get("window").copied().unwrap_or(0);
            Some(format!(
                "how long {n} of {} operations of {} took: they went on when their window, at most {:.1} ms \
                 long, closed; they are counted, and missing in the latencies",
                probe.hits,
                probe.name,
                sampling.longest_ns as f64 / 1e6,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregate::{Beside, Inside, Reference, Sampling, Seen, Slice, Spending};

    pub(super) const RUN_NS: u64 = 10_000_000_000;
    const WINDOW_NS: u64 = 10_000_000;
    const WINDOWS: u64 = 20;

    fn seen(row: u32, begun: u64) -> Seen {
        Seen {
            row,
            begun,
            bytes: 0,
        }
    }

    /// Twenty windows of a probe: CPUs of the target and of the probe in them, and system calls in each.
    fn windows(used: f64, cost: f64, syscalls: u64) -> ProbeSampling {
        let mut sampling = Sampling::default();
        let ns = WINDOW_NS as f64;
        for _ in 0..WINDOWS {
            let slice = Slice {
                on_ns: WINDOW_NS,
                period_ns: Some(RUN_NS / WINDOWS),
                cost_ns: cost * ns,
                inside: Inside {
                    ns: WINDOW_NS,
                    cpu_ns: (used * ns) as u64,
                    cost_ns: cost * ns,
                    begun: 1_000,
                    ..Inside::default()
                },
                beside: Beside {
                    syscalls: Reference::of(ns, syscalls as f64, 1_000.0),
                    ..Beside::default()
                },
                ..Slice::default()
            };
            sampling.add("chan-send", &slice, &[]);
        }
        sampling.probes["chan-send"]
    }

    /// A run of a target that took so many CPUs, and returned from so many system calls in a window's time while no
    /// window was open.
    fn run(cpus: f64, syscalls: u64, inside: u64) -> Profile {
        let windows_outside = RUN_NS / WINDOW_NS - WINDOWS;
        Profile {
            spending: Some(Spending {
                target_ns: (cpus * RUN_NS as f64) as u64,
                syscalls: Some(windows_outside * syscalls + WINDOWS * inside),
                ..Spending::default()
            }),
            ..Profile::default()
        }
    }

    /// A run of which nothing else is known.
    pub(super) fn run_of(profile: &Profile) -> Run<'_> {
        Run {
            profile,
            duration_ns: RUN_NS,
            hands_over: false,
            waited_ns: 0,
            outside: None,
            most: f64::INFINITY,
            usual: None,
            host_cpus: 4,
            part: None,
            of_windows_error: 0.0,
            of_operations_error: 0.0,
            slower: None,
        }
    }

    fn dilated(sampling: &ProbeSampling, profile: &Profile) -> (f64, f64, f64) {
        dilation(sampling, &run_of(profile))
    }

    #[test]
    fn who_waits_for_something_is_not_slowed_down() {
        let told = dilated(&windows(0.7, 0.2, 0), &run(0.5, 0, 0));
        assert!((told.0 - 1.0).abs() < 1e-9, "{told:?}");
    }

    #[test]
    fn who_gets_a_part_of_a_cpu_only_is_slowed_down_all_the_same() {
        let profile = run(0.3, 0, 0);
        let sampling = windows(0.3, 0.2, 0);
        let mut starved = Run {
            waited_ns: RUN_NS * 2 / 3,
            ..run_of(&profile)
        };
        assert!(dilation(&sampling, &starved).0 > 2.0);
        starved.waited_ns = 0;
        assert!((dilation(&sampling, &starved).0 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn who_is_flat_out_is_slowed_down_by_what_the_probe_takes() {
        let (measured, low, high) = dilated(&windows(1.0, 0.5, 0), &run(1.0, 0, 0));
        assert!(low <= 2.0 && 2.0 <= high && measured >= low && measured <= high);
        assert!(low > 1.2, "{low}");
    }

    #[test]
    fn a_service_that_makes_half_as_many_system_calls_is_half_as_fast() {
        let told = dilated(&windows(0.8, 0.2, 50), &run(0.6, 100, 50));
        assert!((told.0 - 2.0).abs() < 0.01, "{told:?}");
        assert!(told.1 > 1.8 && told.2 < 2.2, "{told:?}");
    }

    #[test]
    fn system_calls_of_somebody_else_do_not_hide_what_the_costs_tell() {
        let told = dilated(&windows(1.0, 0.9, 100), &run(1.0, 100, 100));
        assert!(told.0 > 3.0, "{told:?}");
    }

    /// Windows of 1 ms, of which the first `busy` saw 500 operations.
    fn bursts(busy: u64, cost_ns: f64) -> ProbeSampling {
        let mut sampling = Sampling::default();
        for n in 0..WINDOWS {
            let begun = if n < busy { 500 } else { 0 };
            let slice = Slice {
                on_ns: 1_000_000,
                period_ns: Some(RUN_NS / WINDOWS),
                cost_ns: begun as f64 * cost_ns,
                ..Slice::default()
            };
            sampling.add("chan-send", &slice, &[seen(0, begun)]);
        }
        sampling.probes["chan-send"]
    }

    #[test]
    fn bursts_that_the_probe_draws_out_may_be_much_longer() {
        assert!((drawn_out(&bursts(1, 1_000.0)).1 - 101.0).abs() < 1e-6);
        assert!((drawn_out(&bursts(1, 100.0)).1 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn windows_that_were_full_are_taken_for_parts_of_bursts() {
        // The probe took half of the windows' time, or all of it.
        let half = drawn_out(&bursts(1, 1_000.0));
        assert!((half.0 - half.1.powf(0.25)).abs() < 1e-6);
        let full = drawn_out(&bursts(1, 2_000.0));
        assert!((full.0 - full.1.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn a_steady_beat_is_not_drawn_out() {
        assert!((drawn_out(&bursts(WINDOWS, 1_000.0)).1 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn what_a_cut_look_saw_bounds_nothing_but_the_cpu_time_does() {
        let mut profile = run(0.001, 0, 0);
        let look = Slice {
            on_ns: WINDOW_NS,
            is_cut: true,
            ..Slice::default()
        };
        profile.sampling.add("chan-send", &look, &[seen(0, 40)]);
        let sampling = profile.sampling.probes["chan-send"];
        let of_run = Run {
            most: 1e6,
            ..run_of(&profile)
        };
        let scale = Part::new(&sampling, &of_run, None);
        let told = scale.estimate(&profile, &[0], 40);
        assert_eq!(told.high, 1_000_000);
        assert!(told.low < told.count && told.count < told.high, "{told:?}");
    }

    #[test]
    fn there_are_no_more_of_one_line_than_the_runtime_counted_of_all() {
        let mut profile = run(1.0, 0, 0);
        let look = Slice {
            on_ns: WINDOW_NS,
            ..Slice::default()
        };
        profile
            .sampling
            .add("goroutine-create", &look, &[seen(0, 200)]);
        let sampling = profile.sampling.probes["goroutine-create"];
        let counted = Counted {
            total: 1e6,
            error: 0.03,
        };
        let scale = Part::new(&sampling, &run_of(&profile), Some(&counted));
        let told = scale.estimate(&profile, &[0], 200);
        assert_eq!((told.count, told.high), (1_000_000, 1_030_000));
    }

    #[test]
    fn who_hands_over_may_do_so_more_quickly_while_nobody_looks() {
        let profile = run(2.0, 0, 0);
        let low = |waited_at: f64, host_cpus: u32| {
            let mut sampling = windows(2.0, 0.9, 0);
            sampling.free = Free {
                rate: 0.1,
                least: 0.1,
                most: 0.14,
                waited_at,
                windows: 1e6,
                ..Free::default()
            };
            let crowded = Run {
                host_cpus,
                ..run_of(&profile)
            };
            let by_costs = Told {
                total: 1.0,
                low: 0.0,
                high: f64::INFINITY,
            };
            told_by_channel(&sampling, &crowded, &by_costs).unwrap().low
        };
        assert!((low(0.9, 2) / low(0.1, 2) - CROWDED_OUT).abs() < 1e-9);
        assert!((low(0.9, 4) / low(0.1, 2) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_rare_beside_a_hot_loop_comes_at_its_own_pace() {
        let mut profile = run(1.0, 0, 0);
        for _ in 0..WINDOWS {
            let slice = Slice {
                on_ns: WINDOW_NS,
                period_ns: Some(RUN_NS / WINDOWS),
                cost_ns: 0.9 * WINDOW_NS as f64,
                inside: Inside {
                    ns: WINDOW_NS,
                    cpu_ns: WINDOW_NS,
                    cost_ns: 0.9 * WINDOW_NS as f64,
                    begun: 5_000,
                    ..Inside::default()
                },
                ..Slice::default()
            };
            let rows = [seen(0, 4_490), seen(1, 500), seen(2, 10)];
            profile.sampling.add("park", &slice, &rows);
        }
        let sampling = profile.sampling.probes["park"];
        for row in profile.sampling.rows.values_mut() {
            row.of_function = row.count;
        }
        let scale = Part::new(&sampling, &run_of(&profile), None);
        let told = |row| scale.estimate(&profile, &[row], 0);
        let whole = |begun: u64| begun * RUN_NS / WINDOW_NS;
        let hot = told(0);
        assert!(hot.low > 2 * whole(4_490), "{hot:?}");
        // A tenth may be of the loop or beside it.
        let minor = told(1);
        assert!(
            minor.low <= whole(500) && minor.count > 2 * whole(500),
            "{minor:?}"
        );
        let rare = told(2);
        assert_eq!(rare.count, whole(10));
        assert!(
            rare.low < whole(10) && rare.high > 2 * whole(10),
            "{rare:?}"
        );
    }

    #[test]
    fn few_system_calls_tell_nothing() {
        let told = dilated(&windows(0.7, 0.2, 0), &run(0.5, 1, 0));
        assert!((told.0 - 1.0).abs() < 1e-9, "{told:?}");
    }
}
