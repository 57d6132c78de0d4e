//! Windows in, estimates for the whole time out.
//!
//! A probe that is on in windows divides the run into periods, each with one window somewhere in it
//! (`govern::Period`). What a window of length `w` saw stands for its period of length `p`: it counts `p / w`
//! times (Horvitz-Thompson). The variance is that of the windows' rates among each other, times the part of each
//! period that was not seen. What was seen while the probe stayed on, and by a first look, was not seen at random:
//! it stands for itself, and has no variance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Windows that saw nothing tell more than a first look that saw something where they were so many times as long.
const TELLING: u64 = 2;
/// More steps of one window do not count for what comes with each: it would be all there is beside others.
const OF_ONE_WINDOW: f64 = 500.0;
/// One time that is longer than others together is as good as alone.
const TWO_AT_LEAST: f64 = 1.5;
/// Relative standard error of what one moment tells of a whole run.
const OF_A_MOMENT: f64 = 1.0;

/// Sums over all windows of one probe. Rates are per nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProbeSampling {
    pub windows: u64,
    /// Time that operations were counted.
    pub on_ns: u64,
    /// The part of it that stands for itself only, and the operations in it.
    pub whole_ns: u64,
    pub whole: f64,
    /// Its limit ended some of that: what came is more.
    pub is_cut: bool,
    /// Time that the windows stand for.
    pub period_ns: u64,
    pub longest_ns: u64,
    /// What the probe did to the target while it was on.
    pub inside: Inside,
    pub beside: Beside,
    /// Operations that the windows stand for.
    pub total: f64,
    pub crowd: Crowd,
    pub free: Free,
    /// Sums of unseen · period², alone and times the rate and its square.
    pub weight: f64,
    pub weighted_rate: f64,
    pub weighted_square: f64,
}

/// Sums over all windows of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowSampling {
    /// Operations that the windows stand for, and the bytes they asked for.
    pub count: f64,
    pub bytes: f64,
    /// The same of those that stand for themselves.
    pub whole: f64,
    pub whole_bytes: f64,
    /// Sums of unseen · period², times the row's rate, its square, and its product with the probe's.
    pub weighted_rate: f64,
    pub weighted_square: f64,
    pub weighted_product: f64,
    /// Sum of period · rate².
    pub square: f64,
    /// Logarithm of what all of this was multiplied by, for something else that is known.
    #[serde(skip)]
    pub corrected: f64,
    /// There were no more operations in the run.
    #[serde(skip)]
    pub most: Option<f64>,
    /// What windows stand for of all rows of the probe in the same function.
    #[serde(skip)]
    pub of_function: f64,
}

impl RowSampling {
    /// Returns the row as if windows had seen `factor` times as much of it; where there were none, what stands for itself.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        let (whole, windows) = if self.count > 0.0 {
            (1.0, factor)
        } else {
            (factor, 1.0)
        };
        Self {
            count: self.count * windows,
            bytes: self.bytes * windows,
            whole: self.whole * whole,
            whole_bytes: self.whole_bytes * whole,
            weighted_rate: self.weighted_rate * windows,
            weighted_square: self.weighted_square * windows * windows,
            weighted_product: self.weighted_product * windows,
            square: self.square * windows * windows,
            corrected: self.corrected + factor.max(f64::MIN_POSITIVE).ln(),
            most: self.most,
            of_function: self.of_function,
        }
    }
}

/// A time that a probe was on, and what it took meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inside {
    pub ns: u64,
    /// CPU time of the target, and what the probe took of it.
    pub cpu_ns: u64,
    pub cost_ns: f64,
    pub begun: u64,
    pub outside: Outside,
}

/// What the scheduler counted while a probe was on: how far the program came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Beside {
    pub syscalls: Reference,
    pub goroutines: Reference,
}

/// Something that the runtime counts by itself, in windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reference {
    /// How often it came in their time.
    pub by_time: Progress,
    /// Operations for each of it, which takes the place of the time.
    pub operations: Progress,
}

/// Operations by how long the program ran outside of the runtime, which takes as long as it does without probes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outside {
    /// Operations in that time.
    pub operations: Progress,
    /// How often the fine clock found it, and how often outside of the runtime.
    ticks: u64,
    found: u64,
    /// How long windows were open in which it ticked.
    pub ns: f64,
    /// CPUs that it ran on outside of the runtime, summed over operations.
    by_operation: f64,
}

/// How much of the target's time the probe takes where operations are, and on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crowd {
    /// Operations that windows saw, and what they cost.
    pub operations: f64,
    pub cost_ns: f64,
    /// CPUs that the probe took in a window, summed over its operations, and over the time that it stands for.
    pub by_operation: f64,
    pub by_time: f64,
}

/// How often something comes while the probe is off, by the runtime's own count: the operations on a few channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Free {
    /// In a nanosecond: as read, with its variance, and what that may stand for.
    pub rate: f64,
    pub variance: f64,
    pub least: f64,
    pub most: f64,
    /// At which part of the looks a thread waited for a CPU: of the channel where that is most.
    pub waited: f64,
    /// At which part of them a goroutine waited at the channel, at most.
    pub waited_at: f64,
    /// For which part of the time a goroutine waited for an element, likely and at most.
    pub awaited: f64,
    pub awaited_at_most: f64,
    /// What the windows stand for of the same operations.
    pub windows: f64,
}

/// Times, and how many steps came in them: system calls of the target's that returned or goroutines that it started, which
/// are how far it came, or elements that went through a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    pub ns: f64,
    pub steps: f64,
    /// Sums of squares and of products, for how much the times differ.
    ns_square: f64,
    steps_square: f64,
    product: f64,
}

/// Everything that windows tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// By probe.
    pub probes: BTreeMap<String, ProbeSampling>,
    /// By row.
    pub rows: BTreeMap<u32, RowSampling>,
    /// By probe and role of the goroutine, in windows that the fine clock ticked in.
    pub roles: BTreeMap<String, BTreeMap<u16, Outside>>,
    /// By probe and role, of those that use channels which no others do.
    pub free: BTreeMap<String, BTreeMap<u16, Free>>,
}

/// A window, or a part of the time that a probe stays on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slice {
    pub on_ns: u64,
    /// The time that it stands for; `None`: for itself only.
    pub period_ns: Option<u64>,
    /// Operations that it had no room for: known by number, and taken to be of the rows that were seen.
    pub unseen: u64,
    /// It reached its limit.
    pub is_cut: bool,
    /// What the probe took of the target's CPU time while it counted.
    pub cost_ns: f64,
    pub inside: Inside,
    pub beside: Beside,
}

/// What a row counted in a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub row: u32,
    pub begun: u64,
    pub bytes: u64,
}

impl Sampling {
    /// Takes over the latest sums.
    pub fn merge(&mut self, later: Self) {
        self.probes.extend(later.probes);
        self.rows.extend(later.rows);
        self.roles.extend(later.roles);
        self.free.extend(later.free);
    }

    /// Returns the sums of these rows only; probes are few.
    #[must_use]
    pub fn of_rows(&self, rows: impl Iterator<Item = u32>) -> Self {
        Self {
            probes: self.probes.clone(),
            rows: rows
                .filter_map(|row| Some((row, *self.rows.get(&row)?)))
                .collect(),
            roles: self.roles.clone(),
            free: self.free.clone(),
        }
    }

    /// Adds what goroutines of each role did in a window of `probe`.
    pub fn add_roles(&mut self, probe: &str, roles: &BTreeMap<u16, Outside>) {
        let of_probe = self.roles.entry(probe.to_owned()).or_default();
        for (role, outside) in roles {
            of_probe.entry(*role).or_default().add(outside);
        }
    }

    /// Adds a slice of `probe`.
    pub fn add(&mut self, probe: &str, slice: &Slice, seen: &[Seen]) {
        let begun: u64 = seen.iter().map(|row| row.begun).sum();
        let all = (begun + slice.unseen) as f64;
        // What there was no room for is of the rows that were seen.
        let each = all / (begun.max(1) as f64);
        let sums = self.probes.entry(probe.to_owned()).or_default();
        sums.on_ns += slice.on_ns;
        sums.longest_ns = sums.longest_ns.max(slice.on_ns);
        sums.inside.add(&slice.inside);
        sums.beside.add(&slice.beside);
        let Some(period_ns) = slice.period_ns else {
            sums.whole_ns += slice.on_ns;
            sums.whole += all;
            sums.is_cut |= slice.is_cut;
            for seen in seen {
                let row = self.rows.entry(seen.row).or_default();
                row.whole += seen.begun as f64 * each;
                row.whole_bytes += seen.bytes as f64 * each;
            }
            return;
        };
        let on_ns = slice.on_ns.max(1) as f64;
        sums.windows += 1;
        sums.period_ns += period_ns.max(slice.on_ns);
        let period_ns = (period_ns as f64).max(on_ns);
        let weight = period_ns * period_ns * (1.0 - on_ns / period_ns);
        let total = all / on_ns;
        sums.total += total * period_ns;
        sums.crowd.operations += all;
        sums.crowd.cost_ns += slice.cost_ns;
        sums.crowd.by_operation += all * slice.cost_ns / on_ns;
        sums.crowd.by_time += period_ns * slice.cost_ns / on_ns;
        sums.weight += weight;
        sums.weighted_rate += weight * total;
        sums.weighted_square += weight * total * total;
        for seen in seen {
            let rate = seen.begun as f64 * each / on_ns;
            let row = self.rows.entry(seen.row).or_default();
            row.count += rate * period_ns;
            row.bytes += seen.bytes as f64 * each / on_ns * period_ns;
            row.weighted_rate += weight * rate;
            row.weighted_square += weight * rate * rate;
            row.weighted_product += weight * rate * total;
            row.square += period_ns * rate * rate;
        }
    }

    /// Returns what the windows stand for of parts of rows.
    pub fn windows_of(&self, rows: &BTreeMap<u32, f64>) -> f64 {
        let of_row = |(row, part): (&u32, &f64)| Some(self.rows.get(row)?.count * part);
        rows.iter().filter_map(of_row).sum()
    }

    /// Takes over how often operations of `probe` come while it is off, all of them and those of each role, by all that was
    /// seen so far.
    pub fn is_free(&mut self, probe: &str, all: Free, roles: BTreeMap<u16, Free>) {
        if let Some(sums) = self.probes.get_mut(probe) {
            sums.free = all;
            self.free.insert(probe.to_owned(), roles);
        }
    }
}

impl Inside {
    fn add(&mut self, more: &Self) {
        self.ns += more.ns;
        self.cpu_ns += more.cpu_ns;
        self.cost_ns += more.cost_ns;
        self.begun += more.begun;
        self.outside.add(&more.outside);
    }
}

impl Beside {
    fn add(&mut self, more: &Self) {
        self.syscalls.add(&more.syscalls);
        self.goroutines.add(&more.goroutines);
    }
}

impl Beside {
    /// Returns the same with a part of the operations.
    #[must_use]
    pub fn of(&self, part: f64) -> Self {
        let of = |reference: &Reference| Reference {
            operations: reference.operations.with_steps(part),
            ..*reference
        };
        Self {
            syscalls: of(&self.syscalls),
            goroutines: of(&self.goroutines),
        }
    }
}

impl Reference {
    /// A window of `ns`, in which it came `steps` times and so many operations began. A long one tells of one moment,
    /// too.
    pub fn of(ns: f64, steps: f64, operations: f64) -> Self {
        let part = (OF_ONE_WINDOW / steps.max(1.0)).min(1.0);
        Self {
            by_time: Progress::of(ns, steps),
            operations: Progress::of(steps * part, operations * part),
        }
    }

    fn add(&mut self, more: &Self) {
        self.by_time.add(&more.by_time);
        self.operations.add(&more.operations);
    }
}

impl Outside {
    /// A window of `ns` in which so many operations began, and the program ran for `outside_ns` outside of the runtime,
    /// on all CPUs together. `ticks`: how often it was found, and how often there.
    pub fn of(ns: u64, operations: u64, outside_ns: u64, ticks: (u64, u64)) -> Self {
        let (outside_ns, operations) = (outside_ns as f64, operations as f64);
        Self {
            operations: Progress::of(outside_ns, operations),
            ns: ns as f64,
            by_operation: operations * outside_ns / ns.max(1) as f64,
            ticks: ticks.0,
            found: ticks.1,
        }
    }

    pub fn add(&mut self, more: &Self) {
        self.operations.add(&more.operations);
        self.ticks += more.ticks;
        self.found += more.found;
        self.ns += more.ns;
        self.by_operation += more.by_operation;
    }

    /// Returns the operations in a nanosecond of that time, and the relative standard error of it.
    pub fn rate(&self) -> (f64, f64) {
        let (_, of_counting) = part_of(self.found, self.ticks);
        (
            self.operations.rate(),
            self.operations.error().max(of_counting),
        )
    }

    /// Returns how often the fine clock found it on a CPU.
    pub const fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Returns how often that was outside of the runtime.
    pub const fn found(&self) -> u64 {
        self.found
    }

    /// Returns on how many CPUs it ran outside of the runtime: on average, and where operations were.
    pub fn cpus(&self) -> (f64, f64) {
        (
            self.operations.ns / self.ns.max(1.0),
            self.by_operation / self.operations.steps.max(1.0),
        )
    }
}

/// Returns which part of all samples were found somewhere, and the relative standard error of that.
pub fn part_of(found: u64, all: u64) -> (f64, f64) {
    let part = found as f64 / all.max(1) as f64;
    let error = ((1.0 - part).max(0.0) / found.max(1) as f64).sqrt();
    (part, error)
}

impl Free {
    /// Adds how often something else comes, which may be so many times as often as was read, at least and at most.
    pub fn add(&mut self, seen: &Progress, (least, most): (f64, f64)) {
        let rate = seen.rate();
        self.rate += rate;
        self.variance += (rate * seen.error()).powi(2);
        self.least += rate * least;
        self.most += rate * most;
    }

    /// Returns whether anything came.
    pub fn is_known(&self) -> bool {
        self.rate > 0.0
    }

    /// Returns the relative standard error of the rate; `None` where nothing came.
    pub fn error(&self) -> Option<f64> {
        self.is_known().then(|| self.variance.sqrt() / self.rate)
    }
}

impl Progress {
    /// One time, and the steps in it.
    pub fn of(ns: f64, steps: f64) -> Self {
        Self {
            ns,
            steps,
            ns_square: ns * ns,
            steps_square: steps * steps,
            product: ns * steps,
        }
    }

    pub fn add(&mut self, more: &Self) {
        self.ns += more.ns;
        self.steps += more.steps;
        self.ns_square += more.ns_square;
        self.steps_square += more.steps_square;
        self.product += more.product;
    }

    /// Returns the same with so many times the steps.
    #[must_use]
    fn with_steps(&self, times: f64) -> Self {
        Self {
            steps: self.steps * times,
            steps_square: self.steps_square * times * times,
            product: self.product * times,
            ..*self
        }
    }

    /// Returns the steps in a nanosecond.
    pub fn rate(&self) -> f64 {
        self.steps / self.ns.max(1.0)
    }

    /// Returns the relative standard error of the rate: that of a ratio (Cochran, Sampling Techniques, 1977, 6.4), and
    /// that of counting; by one time nothing is known of it.
    pub fn error(&self) -> f64 {
        let times = self.ns * self.ns / self.ns_square.max(f64::MIN_POSITIVE);
        if times < TWO_AT_LEAST {
            return OF_A_MOMENT;
        }
        let rate = self.rate();
        let spread = self.steps_square - 2.0 * rate * self.product + rate * rate * self.ns_square;
        let steps = self.steps.max(1.0);
        (spread.max(0.0) * of_few(times) / (steps * steps) + 1.0 / steps).sqrt()
    }
}

/// Returns by what the variance of `n` that differ is to be multiplied for an interval as wide as Student's t has it, and
/// that of so few is from their own mean (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 26.7.5, at
/// 95 %: 2 % too little for three, 11 % for two).
fn of_few(n: f64) -> f64 {
    let n = n.max(2.0);
    let each = 1.0 / (n - 1.0);
    let t = [0.81, 1.30, 1.44, 1.21, 1.0].into_iter();
    let t = t.fold(0.0, |sum, next| sum * each + next);
    n * each * t * t
}

impl ProbeSampling {
    /// Returns the same as if windows had seen `factor` times as many operations.
    #[must_use]
    pub fn times(&self, factor: f64) -> Self {
        Self {
            total: self.total * factor,
            weighted_rate: self.weighted_rate * factor,
            weighted_square: self.weighted_square * factor * factor,
            ..*self
        }
    }

    /// Returns whether all that is known is what a first look saw: there were no windows, or they saw nothing and were
    /// too short, all together, to contradict it.
    pub fn is_look_only(&self) -> bool {
        let windows_ns = self.on_ns.saturating_sub(self.whole_ns);
        self.windows == 0 || (self.total <= 0.0 && windows_ns < TELLING * self.whole_ns)
    }

    /// Returns by what the operations that the windows stand for are to be multiplied, so that they stand for all of
    /// `duration_ns` in which the probe did not stand for itself; where only a first look tells, by what those are that it
    /// saw.
    pub fn stretch(&self, duration_ns: u64) -> f64 {
        if self.is_look_only() {
            return duration_ns.max(1) as f64 / self.on_ns.max(1) as f64;
        }
        duration_ns.saturating_sub(self.whole_ns) as f64 / self.period()
    }

    /// Returns by what the operations that the windows stand for are to be multiplied, so that there are `total` with those
    /// that stand for themselves.
    pub fn factor_of(&self, total: f64) -> f64 {
        (total - self.whole).max(0.0) / self.total.max(1.0)
    }

    /// Returns the standard error of what the windows tell of a row for all of `duration_ns`; nothing is scaled yet.
    pub fn error_of(&self, row: &RowSampling, duration_ns: u64) -> f64 {
        if self.is_look_only() {
            // Whether the rest was the same nobody knows, the less so the more of it there is.
            let rest_ns = duration_ns.saturating_sub(self.on_ns) as f64;
            let doubt = (rest_ns / self.on_ns.max(1) as f64).min(1.0);
            return row.whole * doubt * rest_ns / duration_ns.max(1) as f64;
        }
        let mean = row.count / self.period();
        let differ = self.differ(mean, row.weighted_rate, row.weighted_square);
        let of_windows = differ.max(self.chance(row));
        let stood_for_ns = self.whole_ns + self.period_ns;
        let rest_ns = duration_ns.saturating_sub(stood_for_ns) as f64;
        let variance = (row.square / self.period() - mean * mean).max(0.0);
        of_windows.hypot((variance * rest_ns * rest_ns + mean * rest_ns).sqrt())
    }

    /// Returns the relative standard error of what the windows stand for, by how much they differ.
    pub fn error(&self) -> f64 {
        let mean = self.total / self.period();
        let differ = self.differ(mean, self.weighted_rate, self.weighted_square);
        differ / self.total.max(f64::MIN_POSITIVE)
    }

    /// Returns the standard error of a row's estimate when the probe's total is known and the windows only
    /// divide it.
    pub fn error_of_part(&self, row: &RowSampling) -> f64 {
        let part = if self.total > 0.0 {
            row.count / self.total
        } else {
            0.0
        };
        let spread = row.weighted_square - 2.0 * part * row.weighted_product
            + part * part * self.weighted_square;
        let chance = self.chance(row) * (1.0 - part).max(0.0).sqrt();
        (spread.max(0.0) * self.few()).sqrt().max(chance)
    }

    /// The same where only first looks saw any: operations come in clusters, as if each were seen twice, and a look is
    /// of one moment.
    pub fn error_of_part_of_looks(&self, row: &RowSampling) -> f64 {
        let part = row.whole / self.whole.max(1.0);
        let each = row.corrected.exp();
        let of_clusters = 2.0 * (row.whole * each * (1.0 - part).max(0.0)).sqrt() + each;
        of_clusters.hypot(row.whole * OF_A_MOMENT)
    }

    /// Returns by what an estimate is to be divided and multiplied for an interval of `z` standard errors. Estimates
    /// from few windows are skewed: log-normal, as is usual for what can't be negative (Chao, Biometrics 43, 1987).
    pub fn spread(count: f64, error: f64, z: f64) -> f64 {
        let relative = error / count.max(f64::MIN_POSITIVE);
        (z * (relative * relative).ln_1p().sqrt()).exp()
    }

    /// Returns the CPUs that the probe takes where operations are seen, and on average.
    pub fn crowding(&self) -> (f64, f64) {
        let crowd = &self.crowd;
        (
            crowd.by_operation / crowd.operations.max(1.0),
            crowd.by_time / self.period(),
        )
    }

    /// Returns how many operations may be behind one that a window saw.
    pub fn behind_each(&self) -> f64 {
        let seen_ns = self.on_ns.saturating_sub(self.whole_ns) as f64;
        (self.period() / seen_ns.max(1.0) - 1.0).max(0.0)
    }

    /// Returns the standard error that follows from how windows differ from a mean rate.
    fn differ(&self, mean: f64, weighted_rate: f64, weighted_square: f64) -> f64 {
        if self.windows < 2 {
            return OF_A_MOMENT * mean * self.period();
        }
        let spread = weighted_square - 2.0 * mean * weighted_rate + mean * mean * self.weight;
        (spread.max(0.0) * self.few()).sqrt()
    }

    /// Few windows tell little of how different windows are: what the variance has to be multiplied by. Those
    /// count that saw something: of a program that works in bursts most see nothing.
    fn few(&self) -> f64 {
        let telling = self.total * self.total / self.weighted_square.max(1e-9);
        let windows = telling.min(self.windows as f64).max(2.0);
        let of_telling = windows / (windows - 1.0) * (1.0 + 4.0 / windows);
        of_telling.max(of_few(self.windows as f64))
    }

    /// The error that counting itself has (Poisson), of the operations that were not seen.
    fn chance(&self, row: &RowSampling) -> f64 {
        (row.count * row.corrected.exp() * self.behind_each())
            .max(0.0)
            .sqrt()
    }

    fn period(&self) -> f64 {
        self.period_ns.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(on_ns: u64, period_ns: u64) -> Slice {
        Slice {
            on_ns,
            period_ns: Some(period_ns),
            ..Slice::default()
        }
    }

    /// What stands for itself only.
    fn look(on_ns: u64) -> Slice {
        Slice {
            on_ns,
            ..Slice::default()
        }
    }

    fn seen(row: u32, begun: u64) -> Seen {
        Seen {
            row,
            begun,
            bytes: 8 * begun,
        }
    }

    #[test]
    fn windows_count_for_the_period_they_stand_for() {
        let mut sampling = Sampling::default();
        sampling.add("alloc", &slice(10, 100), &[seen(0, 5)]);
        sampling.add("alloc", &slice(20, 300), &[seen(0, 10), seen(1, 2)]);
        assert!((sampling.rows[&0].count - 200.0).abs() < 1e-9);
        assert!((sampling.rows[&1].count - 30.0).abs() < 1e-9);
        assert!((sampling.rows[&0].bytes - 1600.0).abs() < 1e-9);
        assert!((sampling.probes["alloc"].total - 230.0).abs() < 1e-9);
    }

    #[test]
    fn what_there_was_no_room_for_is_divided_among_what_was_seen() {
        let mut sampling = Sampling::default();
        let slice = Slice {
            unseen: 80,
            ..slice(10, 100)
        };
        sampling.add("alloc", &slice, &[seen(0, 5), seen(1, 15)]);
        assert!((sampling.rows[&0].count - 250.0).abs() < 1e-9);
        assert!((sampling.rows[&1].bytes - 6000.0).abs() < 1e-9);
        assert!((sampling.probes["alloc"].total - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_seen_whole_has_no_error() {
        let mut sampling = Sampling::default();
        for begun in [3, 90, 4] {
            sampling.add("alloc", &look(100), &[seen(0, begun)]);
        }
        let (probe, row) = (sampling.probes["alloc"], sampling.rows[&0]);
        assert!(probe.error_of(&row, 300) < 1e-6);
        assert!((row.whole * probe.stretch(300) - 97.0).abs() < 1e-9);
    }

    #[test]
    fn a_first_look_tells_nothing_of_the_rest_where_windows_do() {
        let mut sampling = Sampling::default();
        sampling.add("alloc", &look(1_000), &[seen(0, 200)]);
        let alone = sampling.probes["alloc"];
        let row = sampling.rows[&0];
        assert!((row.whole * alone.stretch(10_000) - 2_000.0).abs() < 1e-9);
        assert!((alone.error_of(&row, 10_000) - 180.0).abs() < 1e-9);
        for _ in 0..3 {
            sampling.add("alloc", &slice(100, 2_000), &[seen(0, 1)]);
        }
        let (probe, row) = (sampling.probes["alloc"], sampling.rows[&0]);
        let told = row.whole + row.count * probe.stretch(10_000);
        assert!((told - 290.0).abs() < 1e-9, "{told}");
    }

    #[test]
    fn short_windows_that_saw_nothing_do_not_contradict_a_look() {
        let mut sampling = Sampling::default();
        sampling.add("alloc", &look(1_000), &[seen(0, 200)]);
        sampling.add("alloc", &slice(250, 2_000), &[]);
        let (probe, row) = (sampling.probes["alloc"], sampling.rows[&0]);
        assert!((row.whole * probe.stretch(10_000) - 1_600.0).abs() < 1e-9);
        sampling.add("alloc", &slice(1_750, 2_000), &[]);
        assert!(!sampling.probes["alloc"].is_look_only());
    }

    #[test]
    fn one_window_tells_nothing_of_other_moments() {
        let mut sampling = Sampling::default();
        sampling.add("alloc", &slice(100, 10_000), &[seen(0, 90_000)]);
        let (probe, row) = (sampling.probes["alloc"], sampling.rows[&0]);
        assert!(probe.error_of(&row, 10_000) >= row.count);
        assert!(probe.error() >= 1.0);
        assert!(Progress::of(100.0, 90_000.0).error() >= 1.0);
    }

    #[test]
    fn intervals_of_few_are_as_wide_as_those_of_student() {
        for (n, t) in [(3.0, 4.303), (4.0, 3.182), (6.0, 2.571), (20.0, 2.093)] {
            let of_mean: f64 = n / (n - 1.0);
            let told = 1.96 * (of_few(n) / of_mean).sqrt();
            assert!((told / t - 1.0).abs() < 0.02, "{told} {t}");
        }
    }

    #[test]
    fn parts_of_a_known_total_vary_less_than_the_total() {
        let mut sampling = Sampling::default();
        for factor in [1, 5, 2, 9, 1, 7] {
            let rows = [seen(0, 300 * factor), seen(1, 700 * factor)];
            sampling.add("alloc", &slice(1_000, 10_000), &rows);
        }
        let (probe, row) = (sampling.probes["alloc"], sampling.rows[&0]);
        assert!(probe.error_of_part(&row) < probe.error_of(&row, 60_000) / 4.0);
    }
}
