//! `defer-in-loop`.
//!
//! # What it looks for
//! Defers that cost: records of `deferproc`, or an open-coded unlock in a function that is hot.
//! # Why it matters
//! A record is taken, linked and run through a pointer; an open-coded one keeps a bit mask and the function
//! from being inlined.
//! # Evidence
//! Calls of `runtime.deferproc` and `deferprocat` per line; CPU samples in unlocks below a deferred return.
//! # What to try
//! Unlock by hand where nothing can panic.
//! # References
//! source-4; open-coded defers of Go 1.14 (src/cmd/compile/internal/ssagen).

use super::prelude::*;
use crate::{
    diagnose::frames::{is_users, location},
    estimate::Z,
    observed::CpuSamples,
    report::{Location, StackFrame},
};

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;
/// A defer with a record, beyond the call itself.
const DEFER_NS: f64 = 30.0;
/// Share of the CPU in one function's deferred unlocks from which it is hot.
const HOT_SHARE: f64 = 0.05;
/// Fewer samples tell no share.
const MIN_SAMPLES: u64 = 40;
/// Nor fewer of one function.
const MIN_OF_FUNCTION: u64 = 8;

pub static RULE: Rule = Rule {
    name: "defer-in-loop",
    exercises: &["source-4"],
    probes: &["defer"],
    examine,
    advice: Advice {
        refuted_by: "a body that may panic, or has many returns: there the defer is what keeps the lock from staying locked.",
        cure: "Unlock by hand at the end of a short section that can't panic; in a loop, move the body to a function of its own, so that the defer is open-coded and runs each turn.",
        do_not_bother_when: "The function is called less than some hundred thousand times a second.",
    },
    explanation: Explanation {
        title: "Defers on a hot path",
        in_the_runtime: "A defer in a loop, or one of more than eight, makes a record in a list of the goroutine, on the heap when the loop's length is unknown, and the function's end runs the list. All others are open-coded since Go 1.14: a bit in a mask and a plain call at each return, 1 to 2 ns, but the function can't be inlined any more.",
        how_it_is_seen: "Calls of deferproc are counted per line. Open-coded defers call nothing: they are seen only by CPU samples, in an unlock that a function calls from its last line or its defer. Found from 10 000 records a second.",
        example: "// before\nfor _, k := range keys {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock() // runs when the function ends\n\ts.m[k]++\n}\n\n// after\nfor _, k := range keys {\n\ts.mu.Lock()\n\ts.m[k]++\n\ts.mu.Unlock()\n}",
        versions: "Open-coded since Go 1.14. Loops over functions (range over func, from 1.23) use deferprocat.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let sites = observed.sites("defer", Calls::directly_by_user);
    let samples = observed.enough_samples(MIN_SAMPLES);
    let total = samples.map_or(0, |samples| samples.total);
    let unlocks = samples.map_or_else(Vec::new, |samples| deferred_unlocks(observed, samples));
    let none_is_hot = none_is_hot(&unlocks, total);
    let mut faults = observed.passing(&sites, Threshold::rate(RATE_PER_S), fault);
    faults.extend(open_coded(unlocks, total));
    Judgement::found_or(faults, || {
        let records = undecided(&sites, Threshold::rate(RATE_PER_S)).unwrap_or_else(|| {
            observed.silent(
                "defer",
                RATE_PER_S,
                "no line makes defer records in great numbers",
            )
        });
        match records {
            Judgement::Clear(_) | Judgement::NotApplicable(_) if !none_is_hot => {
                Judgement::not_enough(
                    "no defer records in great numbers; open-coded defers call nothing, and too few CPU samples were taken to see them",
                    "a longer run, for more CPU samples",
                )
            }
            Judgement::NotApplicable(_) => Judgement::Clear(
                "no defer records are made, and no deferred unlock is hot".to_owned(),
            ),
            other => other,
        }
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * DEFER_NS);
    Fault::at(site, "defers are recorded on a hot path")
        .evidence("defers", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share)
}

/// Functions that spend much of the CPU in unlocks that they defer.
fn open_coded(unlocks: Vec<(Location, u64)>, total: u64) -> Vec<Fault> {
    let share_of = |n: u64| n as f64 / total as f64;
    let hot = unlocks
        .into_iter()
        .filter(|(_, n)| *n >= MIN_OF_FUNCTION && share_of(*n) >= HOT_SHARE);
    hot.map(|(place, n)| {
        let mut fault = Fault::new("an unlock is deferred on a hot path")
            .evidence("CPU in the deferred unlock", share_of(n), "share")
            .costs(share_of(n) / 4.0);
        fault.site = Some(place);
        fault.confidence = 0.6;
        fault
    })
    .collect()
}

/// Samples in deferred unlocks, by the function that defers.
fn deferred_unlocks(observed: &Observed, samples: &CpuSamples) -> Vec<(Location, u64)> {
    let module = observed.target.module.as_deref();
    let mut functions: Vec<(Location, u64)> = Vec::new();
    for stack in &samples.stacks {
        let Some(place) = deferring(&stack.stack, module) else {
            continue;
        };
        match functions
            .iter_mut()
            .find(|(other, _)| other.function == place.function)
        {
            Some((_, n)) => *n += stack.samples,
            None => functions.push((place, stack.samples)),
        }
    }
    functions
}

/// Returns whether samples are so many that a function which is hot would have more of them: the upper end of the score
/// interval for what is counted.
fn none_is_hot(unlocks: &[(Location, u64)], total: u64) -> bool {
    let most = unlocks.iter().map(|(_, n)| *n).max().unwrap_or(0) as f64;
    let most = most + Z * Z / 2.0 + Z * (most + Z * Z / 4.0).sqrt();
    most < HOT_SHARE * total as f64
}

/// Where a deferred unlock is written that runs at this sample. The compiler makes a wrapper of it, whose line
/// is that of the `defer` statement: `deferwrap`, up to Go 1.21 a closure of the function.
fn deferring(stack: &[StackFrame], module: Option<&str>) -> Option<Location> {
    let unlocks =
        |frame: &StackFrame| frame.function.contains("sync.(*") && frame.function.contains("nlock");
    let above = stack.get(stack.iter().rposition(unlocks)? + 1..)?;
    let wrapper = above
        .iter()
        .find(|frame| is_users(&frame.function, module))?;
    let (outer, last) = wrapper.function.rsplit_once('.')?;
    if !(last.starts_with("deferwrap") || last.starts_with("func")) {
        return None;
    }
    Some(Location {
        function: outer.to_owned(),
        ..location(wrapper)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::SampledStack;

    fn sampled(stacks: &[(&[&str], u64)]) -> Observed {
        let stack = |(functions, samples): &(&[&str], u64)| SampledStack {
            stack: functions.iter().map(|name| sample::frame(name)).collect(),
            samples: *samples,
            ..SampledStack::default()
        };
        let stacks: Vec<SampledStack> = stacks.iter().map(stack).collect();
        let total = stacks.iter().map(|stack| stack.samples).sum();
        let mut seen = idle().with_probe("defer");
        seen.samples = Some(CpuSamples {
            hertz: 99,
            total,
            stacks,
            ..CpuSamples::default()
        });
        seen
    }

    #[test]
    fn records_in_great_numbers_are_found() {
        let faults = found(examine(
            &idle().with(calls("defer").per_second(1_000_000.0)),
        ));
        assert_eq!(faults[0].severity(), Severity::Warning);
    }

    #[test]
    fn ten_thousand_is_the_threshold() {
        let seen = sampled(&[(&["main.main"], 500)]);
        assert_eq!(
            found(examine(
                &seen.clone().with(calls("defer").per_second(10_000.0))
            ))
            .len(),
            1
        );
        assert!(is_clear(&examine(
            &seen.with(calls("defer").per_second(9_999.0))
        )));
    }

    #[test]
    fn a_hot_deferred_unlock_is_found_by_samples_and_a_straight_one_is_not() {
        let deferred: &[&str] = &[
            "sync.(*Mutex).Unlock",
            "example.com/api.(*Set).Add.deferwrap1",
            "example.com/api.(*Set).Add",
        ];
        let faults = found(examine(&sampled(&[(deferred, 20), (&["main.main"], 80)])));
        assert_eq!(
            faults[0].site.as_ref().map(|site| site.function.as_str()),
            Some("example.com/api.(*Set).Add")
        );
        let straight: &[&str] = &["sync.(*Mutex).Unlock", "example.com/api.(*Set).Add"];
        assert!(is_clear(&examine(&sampled(&[
            (straight, 20),
            (&["main.main"], 80)
        ]))));
    }

    #[test]
    fn few_samples_do_not_clear() {
        let deferred: &[&str] = &["sync.(*Mutex).Unlock", "main.add.func1", "main.add"];
        let few = sampled(&[(deferred, 7), (&["main.main"], 43)]);
        assert!(is_undecided(&examine(&few)));
        let none = |n| examine(&sampled(&[(&["main.main"], n)]));
        assert!(is_undecided(&none(70)) && is_clear(&none(80)));
    }

    #[test]
    fn without_samples_open_coded_defers_are_undecided() {
        assert!(is_undecided(&examine(&idle().with_probe("defer"))));
    }
}
