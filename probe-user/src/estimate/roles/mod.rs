//! Operations of goroutines that a probe slows down differently.
//!
//! A loop that does nothing but send is ten times slower while it is probed, one that computes between two sends a
//! little, and one that never sends not at all. So what windows tell is scaled for the goroutines of one role after the
//! other, which are those that began with the same function: by the CPU time that clocks found them with, in windows
//! (`attach::ticks`) and in the whole run. Where all of them were counted, by the runtime or at their channels, it is what
//! the roles have to add up to.

mod adding_up;

use std::collections::BTreeMap;

use adding_up::{Whole, adding_up};
use probe_ebpf::abi::NO_ROLE;

use super::{
    COSTS_LESS, Counted, MINOR, OPEN, Part, Run, SLOWS, Z, is_partial,
    outside::{CLOSE_NS, OutsideTime},
};
use crate::{
    aggregate::{Free, Inside, Outside, ProbeSampling, Profile, part_of},
    observed::{CpuSamples, SampledRole},
    recording::Recording,
};

/// Operations are of one role, and all the CPU time is its, if nothing else is more than this part of them.
const ALONE: f64 = 0.05;
/// Fewer ticks in windows tell nothing.
const FEW_TICKS: u64 = 8;
/// So much of the operations may be of no known role.
const UNKNOWN: f64 = 0.5;
/// As much as a role may do more or less in windows than it was found to, for it to be slowed down as others are.
const KNOWN: f64 = 0.3;
/// Of fewer samples in the whole run, of what is a small part of the operations, nothing is told by itself.
const FEW_SAMPLES: u64 = 20;

/// What there is of one role.
#[derive(Clone, Copy, Debug, Default)]
struct Role {
    /// Operations: what windows stand for, and what stands for itself.
    operations: f64,
    whole: f64,
    /// Standard error of which part of the probe's operations they are.
    error: f64,
    /// CPU time in windows and in the run.
    windows: Outside,
    run: SampledRole,
    /// How often they come at channels that only it uses, while the probe is off.
    free: Free,
}

/// Returns the role of a row's goroutines, if that is known.
pub(super) fn of_row(profile: &Profile, row: u32) -> Option<u16> {
    let path = profile.rows.get(&row)?.path.as_ref()?;
    (path.role != NO_ROLE).then_some(path.role)
}

/// A probe's operations by role.
#[derive(Debug)]
pub(super) struct Apart {
    /// None where it is not known of which they are.
    pub(super) parts: BTreeMap<u16, Part>,
    /// How many times as much as of all together there may be of what is not among them, at least and at most.
    pub(super) rest: (f64, f64),
}

impl Apart {
    const fn unknown(rest: (f64, f64)) -> Self {
        Self {
            parts: BTreeMap::new(),
            rest,
        }
    }
}

/// Tells a probe's operations apart by role; `None` where one scale does for all.
pub(super) fn told_apart(
    recording: &Recording,
    probe: &str,
    run: &Run<'_>,
    total: Option<&Counted>,
) -> Option<Apart> {
    let profile = &recording.profile;
    let sampling = profile.sampling.probes.get(probe)?;
    let samples = recording.end.as_ref()?.samples.as_ref()?;
    let roles = Roles::of(profile, probe, sampling, samples);
    // What the runtime counted of one role is that role's.
    let is_whole = total.is_some() && !roles.divide_operations();
    if is_whole || !is_slowed_down(sampling, run) || !roles.may_differ() {
        return None;
    }
    if roles.known.windows.ticks() < FEW_TICKS {
        return Some(Apart::unknown((1.0 / OPEN, OPEN)));
    }
    let rest = roles.slower();
    let told = roles.told(sampling);
    if roles.are_mixed(&told, sampling) {
        return Some(Apart::unknown(rest));
    }
    let all = &roles.all;
    let whole = total.map(Whole::from).or_else(|| {
        let are_counted = told.values().all(|(role, _)| role.free.is_known());
        (!are_counted).then(|| Whole::of_channels(sampling, run))?
    });
    let parts = told.iter().map(|(number, (role, sampling))| {
        let run = role.run(all, samples, run);
        let part = Part::new(sampling, &run, None);
        let of = role.operations / all.operations;
        (*number, Part { of, ..part })
    });
    let parts: BTreeMap<u16, Part> = parts.collect();
    let parts = match whole {
        Some(whole) => match adding_up(&parts, sampling, &whole) {
            Some(adding_up) => adding_up,
            None if whole.by_runtime => BTreeMap::new(),
            None => parts,
        },
        None => parts,
    };
    Some(Apart { parts, rest })
}

/// Returns whether the probe took so much in windows that it makes a difference whom it slowed down.
fn is_slowed_down(sampling: &ProbeSampling, run: &Run<'_>) -> bool {
    let inside = &sampling.inside;
    is_partial(sampling, run.duration_ns)
        && sampling.total > 0.0
        && inside.cost_ns > SLOWS * run.cpus() * inside.ns as f64
}

/// The roles of a program's goroutines, and what each has of a probe's operations.
#[derive(Debug)]
struct Roles {
    each: BTreeMap<u16, Role>,
    /// Of no goroutine of the program's own.
    nobody: Role,
    /// All of `each`, and all.
    known: Role,
    all: Role,
}

/// By role: what windows tell of it.
type ToldApart<'a> = BTreeMap<u16, (&'a Role, ProbeSampling)>;

impl Roles {
    fn of(profile: &Profile, probe: &str, of_probe: &ProbeSampling, samples: &CpuSamples) -> Self {
        let mut each: BTreeMap<u16, Role> = BTreeMap::new();
        for (number, row) in &profile.rows {
            let path = row.path.as_ref().filter(|path| path.probe == probe);
            let sampled = profile.sampling.rows.get(number);
            if let Some((path, sampled)) = path.zip(sampled) {
                let role = each.entry(path.role).or_default();
                role.operations += sampled.count;
                role.whole += sampled.whole;
                role.error += of_probe.error_of_part(sampled);
            }
        }
        let windows = profile.sampling.roles.get(probe).into_iter().flatten();
        for (number, found) in windows {
            each.entry(*number).or_default().windows = *found;
        }
        for (number, found) in &samples.roles {
            each.entry(*number).or_default().run = *found;
        }
        for (number, free) in profile.sampling.free.get(probe).into_iter().flatten() {
            each.entry(*number).or_default().free = *free;
        }
        let nobody = each.remove(&NO_ROLE).unwrap_or_default();
        let mut known = Role::default();
        for role in each.values() {
            known.add(role);
        }
        let mut all = known;
        all.add(&nobody);
        Self {
            each,
            nobody,
            known,
            all,
        }
    }

    /// Returns whether the operations are of more than one.
    fn divide_operations(&self) -> bool {
        let is_part = |role: &Role| is_part(role.operations / self.known.operations);
        self.each.values().any(is_part)
    }

    /// Returns whether the probe may slow down one of them more than others.
    fn may_differ(&self) -> bool {
        let may = |role: &Role| {
            role.is_one_of_several(&self.known) && role.may_be_slowed_down_otherwise(&self.known)
        };
        self.each.values().any(may)
    }

    /// Returns how many times as much as all of them goroutines of one role are slowed down: at least and at most.
    fn slower(&self) -> (f64, f64) {
        let all = self.known.usual_to_windows();
        let of_roles = self.each.values().filter(|role| self.is_much(role));
        of_roles.fold((1.0, 1.0), |(least, most): (f64, f64), role| {
            let times = role.usual_to_windows() / all;
            (times.min(least), times.max(most))
        })
    }

    /// Returns whether a role is no small part of all of them.
    fn is_much(&self, role: &Role) -> bool {
        part(role.run.outside, self.known.run.outside) > ALONE
    }

    /// Returns those of which enough is known.
    fn told(&self, of_probe: &ProbeSampling) -> ToldApart<'_> {
        let told = self.each.iter().filter(|(_, role)| role.is_told(&self.all));
        told.map(|(number, role)| (*number, (role, role.sampling(&self.all, of_probe))))
            .collect()
    }

    /// Returns whether operations of one may be taken for another's: a line that goroutines of several roles come to is that of
    /// the first.
    fn are_mixed(&self, told: &ToldApart<'_>, of_probe: &ProbeSampling) -> bool {
        let is_other = |role: &&Role| role.operations <= 0.0 && self.is_much(role);
        let mut others = self.each.values().filter(is_other);
        let mut of_probe_only = told.values();
        let is_slowest = |other: &Role| {
            let mut told = told.values();
            told.all(|(role, _)| other.is_slowed_down_more_than(role))
        };
        self.known.operations < (1.0 - UNKNOWN) * of_probe.total
            || of_probe_only.any(|(role, sampling)| {
                role.is_paid_by_others(sampling, self.used_ns(role, of_probe))
            })
            || others.any(is_slowest)
    }

    /// Returns what a role used in windows, with what the scheduler did for all of them: operations are among that.
    fn used_ns(&self, role: &Role, of_probe: &ProbeSampling) -> f64 {
        let ticks = role.windows.ticks() + self.nobody.windows.ticks();
        part(ticks, self.all.windows.ticks()) * of_probe.inside.cpu_ns as f64
    }
}

impl Role {
    fn add(&mut self, more: &Self) {
        self.operations += more.operations;
        self.whole += more.whole;
        self.windows.add(&more.windows);
        self.run.total += more.run.total;
        self.run.outside += more.run.outside;
    }

    /// Returns whether there is enough to tell of it by itself.
    fn is_told(&self, all: &Self) -> bool {
        let is_small = self.operations < MINOR * all.operations && self.run.total < FEW_SAMPLES;
        self.operations > 0.0 && !is_small
    }

    /// Returns whether it has a part in what the operations are, or in what the CPU time is, and others do, too.
    fn is_one_of_several(&self, all: &Self) -> bool {
        is_part(self.operations / all.operations.max(f64::MIN_POSITIVE))
            || is_part(part(self.run.total, all.run.total))
            || is_part(part(self.run.outside, all.run.outside))
    }

    /// Returns whether it does more in windows, or less, than others that do as much in the whole run; or whether that is
    /// not known, as too little was found of it, or it does nothing but what is probed.
    fn may_be_slowed_down_otherwise(&self, all: &Self) -> bool {
        let apart_ns = self.windows.operations.ns / self.windows.operations.steps;
        let ran = all.windows.found() as f64;
        let usual = part(self.run.outside, all.run.outside);
        let of_run = ran / all.run.outside.max(1) as f64;
        let error = (ran * usual * (1.0 - usual) * (1.0 + of_run))
            .sqrt()
            .max(1.0);
        let differs = (self.windows.found() as f64 - ran * usual).abs() > Z * error;
        let is_unknown = Z * error > KNOWN * ran * usual;
        differs || is_unknown || apart_ns < CLOSE_NS
    }

    /// How often it was found outside in the run, for once that it was in windows: the more the slower it was in those.
    fn usual_to_windows(&self) -> f64 {
        part(self.run.outside, self.windows.found())
    }

    /// Returns whether it is slowed down more than another one, which by waiting for that nobody is.
    fn is_slowed_down_more_than(&self, role: &Self) -> bool {
        if role.run.outside < FEW_SAMPLES {
            return false;
        }
        let times = self.usual_to_windows() / role.usual_to_windows();
        let variance = [self, role].map(|role| 1.0 / role.windows.found().max(1) as f64);
        times.ln() > Z * variance.iter().sum::<f64>().sqrt()
    }

    /// Returns whether its operations take more than the `used_ns` that it used in windows.
    fn is_paid_by_others(&self, sampling: &ProbeSampling, used_ns: f64) -> bool {
        let counted = (self.windows.ticks().max(1) as f64).sqrt().recip();
        sampling.inside.cost_ns * (1.0 - COSTS_LESS) > used_ns * (1.0 + Z * counted)
    }

    /// Returns what windows tell of it, of what they tell of the whole probe.
    fn sampling(&self, all: &Self, of_probe: &ProbeSampling) -> ProbeSampling {
        let of = self.operations / of_probe.total;
        let inside = &of_probe.inside;
        let windows = part(self.windows.ticks(), all.windows.ticks());
        ProbeSampling {
            whole: self.whole,
            total: self.operations,
            free: self.free,
            inside: Inside {
                cpu_ns: (inside.cpu_ns as f64 * windows) as u64,
                cost_ns: inside.cost_ns * of,
                begun: (inside.begun as f64 * of) as u64,
                outside: self.windows,
                ..*inside
            },
            beside: of_probe.beside.of(of),
            ..of_probe.times(of)
        }
    }

    /// Returns by how much less it ran in its own code in windows than on `usual` CPUs, and the relative standard error of
    /// that.
    fn slower_by_time(&self, all: &Self, usual: f64) -> Option<(f64, f64)> {
        let each_ns = |of: &Self| of.windows.operations.ns / of.windows.found() as f64;
        // Of what was not found there was less than once.
        let found = self.windows.found().max(1) as f64;
        let in_windows = found * each_ns(all) / self.windows.ns;
        let is_known = self.run.outside >= FEW_SAMPLES && in_windows > 0.0;
        is_known.then(|| (usual / in_windows, found.sqrt().recip()))
    }

    fn run<'a>(&self, all: &Self, samples: &CpuSamples, of_all: &Run<'a>) -> Run<'a> {
        let of = self.operations / all.operations;
        let outside = OutsideTime::of(self.run.outside, samples.total, of_all.target_ns());
        let usual = part(self.run.outside, samples.total) * of_all.cpus();
        let of_cpu = part(self.run.total, all.run.total);
        Run {
            part: Some(of_cpu),
            of_windows_error: part_of(self.windows.ticks(), all.windows.ticks()).1,
            waited_ns: (of_all.waited_ns as f64 * of_cpu) as u64,
            outside,
            usual: of_all.usual.map(|usual| usual * of),
            of_operations_error: self.error / self.operations,
            slower: self.slower_by_time(all, usual),
            ..*of_all
        }
    }
}

fn is_part(part: f64) -> bool {
    (ALONE..=1.0 - ALONE).contains(&part)
}

fn part(of: u64, all: u64) -> f64 {
    of as f64 / all.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW_NS: u64 = 1_000_000;

    fn role(operations: f64, windows: (u64, u64), run: (u64, u64)) -> Role {
        let (ticks, outside) = windows;
        Role {
            operations,
            whole: 0.0,
            error: 0.0,
            free: Free::default(),
            windows: Outside::of(
                100 * WINDOW_NS,
                operations as u64,
                outside * 200_000,
                (ticks, outside),
            ),
            run: SampledRole {
                total: run.0,
                outside: run.1,
            },
        }
    }

    fn all(roles: &[Role]) -> Role {
        let mut all = Role::default();
        for role in roles {
            all.add(role);
        }
        all
    }

    fn roles(each: &[Role]) -> Roles {
        let numbered = each.iter().enumerate();
        Roles {
            each: numbered.map(|(n, role)| (n as u16 + 1, *role)).collect(),
            nobody: Role::default(),
            known: all(each),
            all: all(each),
        }
    }

    #[test]
    fn who_is_slowed_down_alone_does_less_of_all_that_windows_see() {
        let loops = [
            role(1_000.0, (500, 50), (1_000, 900)),
            role(0.0, (500, 490), (1_000, 990)),
        ];
        let known = all(&loops);
        assert!(loops[0].is_one_of_several(&known));
        assert!(loops[0].may_be_slowed_down_otherwise(&known));
        let (least, most) = roles(&loops).slower();
        assert!(least < 0.6 && most > 5.0, "{least} {most}");
    }

    #[test]
    fn a_pipeline_is_slowed_down_as_one() {
        let stages = [
            role(100.0, (100, 62), (1_000, 500)),
            role(0.0, (100, 58), (1_000, 500)),
        ];
        let known = all(&stages);
        assert!(stages.iter().all(|stage| stage.is_one_of_several(&known)));
        let may_differ = |stage: &Role| stage.may_be_slowed_down_otherwise(&known);
        assert!(!stages.iter().any(may_differ));
    }

    #[test]
    fn few_ticks_do_not_tell_that_all_are_slowed_down_alike() {
        let stages = [
            role(10.0, (10, 6), (1_000, 500)),
            role(0.0, (10, 5), (1_000, 500)),
        ];
        assert!(stages[0].may_be_slowed_down_otherwise(&all(&stages)));
    }

    #[test]
    fn a_loop_that_only_sends_is_not_taken_for_one_that_computes() {
        // Next to nothing of it is its own, neither in windows nor in the run.
        let loops = [
            role(1_000.0, (500, 1), (1_000, 10)),
            role(0.0, (500, 490), (1_000, 990)),
        ];
        assert!(loops[0].may_be_slowed_down_otherwise(&all(&loops)));
    }

    #[test]
    fn what_costs_more_than_a_role_uses_is_not_of_that_role_alone() {
        let costs = ProbeSampling {
            inside: Inside {
                cost_ns: 1e6,
                ..Inside::default()
            },
            ..ProbeSampling::default()
        };
        let role = role(1_000.0, (100, 10), (100, 10));
        assert!(role.is_paid_by_others(&costs, 100_000.0));
        assert!(!role.is_paid_by_others(&costs, 1_100_000.0));
    }
}
