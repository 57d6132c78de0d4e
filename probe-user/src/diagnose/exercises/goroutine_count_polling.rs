//! `goroutine-count-polling`.
//!
//! # What it looks for
//! A line that asks for the number of goroutines again and again.
//! # Why it matters
//! It adds up counters that every P writes, so that their cache lines travel.
//! # Evidence
//! `runtime.NumGoroutine` is inlined everywhere: a probe where the build allows one, else CPU samples that
//! show it inlined.
//! # What to try
//! A count of one's own, a semaphore.
//! # References
//! source-12, package-7; src/runtime/debug.go, proc.go `gcount`.

use super::prelude::*;
use crate::{
    diagnose::frames::{is_users, location},
    report::Location,
};

/// From the catalogue.
const RATE_PER_S: f64 = 1.0;
const LOOP_PER_S: f64 = 10_000.0;
/// One call: counters of the scheduler and of each P.
const CALL_NS: f64 = 20.0;
/// Share of the CPU samples from which a line asks in a loop: the call takes some 20 ns, so that 0.1 % of a
/// CPU are 50 000 calls a second.
const SAMPLED_SHARE: f64 = 0.01;
const MIN_SAMPLES: u64 = 100;
/// The call, and what it is made of.
const FUNCTIONS: [&str; 2] = ["runtime.NumGoroutine", "runtime.gcount"];

pub static RULE: Rule = Rule {
    name: "goroutine-count-polling",
    exercises: &["source-12", "package-7"],
    probes: &["goroutine-count"],
    examine,
    advice: Advice {
        refuted_by: "a monitor that asks once in some seconds.",
        cure: "Bound concurrency by a semaphore, a channel of that capacity or errgroup.SetLimit; count what you mean, requests or jobs, with an atomic of your own.",
        do_not_bother_when: "It is asked once per scrape of the metrics.",
    },
    explanation: Explanation {
        title: "The number of goroutines, asked again and again",
        in_the_runtime: "runtime.NumGoroutine does not walk the goroutines: it takes the length of the list of all and subtracts the free ones, the scheduler's and those of each P. That is some 20 ns, but each of these words is written by whoever starts or ends a goroutine; a loop that reads them makes the cache lines travel between the CPUs.",
        how_it_is_seen: "The function is inlined and leaves no call behind. Where the build has an instruction that can be watched, calls are counted: source-12 from one a second, package-7 from 10 000. Else CPU samples show a loop that asks, by the inlined frame.",
        example: "// before\nfor runtime.NumGoroutine() > limit {\n\truntime.Gosched()\n}\ngo process(job)\n\n// after\nslots <- struct{}{} // make(chan struct{}, limit)\ngo func() { defer func() { <-slots }(); process(job) }()",
        versions: "Inlined at Go 1.21 to 1.27; the number is also in runtime/metrics as /sched/goroutines:goroutines.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let sites = observed.sites("goroutine-count", |calls| calls.by_user);
    let mut faults: Vec<Fault> = sites
        .iter()
        .filter(|site| reaches(site, RATE_PER_S))
        .map(|site| counted(observed, site))
        .collect();
    let known = |fault: &Fault| faults.iter().any(|other| other.site == fault.site);
    let sampled: Vec<Fault> = sampled(observed)
        .into_iter()
        .filter(|fault| !known(fault))
        .collect();
    faults.extend(sampled);
    Judgement::found_or(faults, || match observed.missing("goroutine-count") {
        None => undecided(&sites, Threshold::rate(RATE_PER_S)).unwrap_or_else(|| {
            observed.silent(
                "goroutine-count",
                RATE_PER_S,
                "nobody asks for the number of goroutines",
            )
        }),
        Some(_) if observed.is_never_called("goroutine-count") => Judgement::Clear(
            "no code of the program's own asks for the number of goroutines".to_owned(),
        ),
        Some(_) => Judgement::not_enough(
            "runtime.NumGoroutine is inlined in this build and leaves no call to watch; no CPU sample shows it",
            "the loop to be hot enough for CPU samples",
        ),
    })
}

fn counted(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * CALL_NS);
    let in_loop = site.rate_per_s() >= LOOP_PER_S;
    let keys: &[&'static str] = if in_loop {
        &["package-7", "source-12"]
    } else {
        &["source-12"]
    };
    Fault::at(site, "the number of goroutines is asked again and again")
        .exercises(keys)
        .evidence("calls", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share)
}

/// Lines that CPU samples show inside the call.
fn sampled(observed: &Observed) -> Vec<Fault> {
    let Some(samples) = observed.enough_samples(MIN_SAMPLES) else {
        return Vec::new();
    };
    let module = observed.target.module.as_deref();
    let mut lines: Vec<(Location, u64)> = Vec::new();
    for stack in &samples.stacks {
        let frames = &stack.stack;
        let Some(at) = frames
            .iter()
            .position(|frame| FUNCTIONS.contains(&frame.function.as_ref()))
        else {
            continue;
        };
        // The runtime counts them for its own ends too: only the user's own call is meant.
        let outer = frames.get(at + 1..).unwrap_or_default();
        let asker = outer
            .iter()
            .find(|frame| !FUNCTIONS.contains(&frame.function.as_ref()));
        let Some(asker) = asker.filter(|frame| is_users(&frame.function, module)) else {
            continue;
        };
        let place = location(asker);
        match lines.iter_mut().find(|(other, _)| *other == place) {
            Some((_, n)) => *n += stack.samples,
            None => lines.push((place, stack.samples)),
        }
    }
    let share = |n: u64| n as f64 / samples.total as f64;
    let hot = lines
        .into_iter()
        .filter(|(_, n)| *n >= MIN_HITS && share(*n) >= SAMPLED_SHARE);
    hot.map(|(place, n)| {
        let cpus = observed.cpus_used().unwrap_or(1.0);
        let mut fault = Fault::new("the number of goroutines is asked in a loop")
            .exercises(&["package-7", "source-12"])
            .evidence("CPU for it", share(n), "share")
            .evidence("calls, about", share(n) * cpus * 1e9 / CALL_NS, "1/s")
            .costs(share(n));
        fault.site = Some(place);
        fault.confidence = (0.9 - 1.0 / (n as f64).sqrt()).max(0.3);
        fault
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::{CpuSamples, SampledStack};

    fn sampled(functions: &[&str], samples: u64) -> Observed {
        let stack = |functions: &[&str], samples| SampledStack {
            stack: functions.iter().map(|name| sample::frame(name)).collect(),
            samples,
            ..SampledStack::default()
        };
        let stacks = vec![
            stack(functions, samples),
            stack(&["main.main"], 1_000 - samples),
        ];
        let mut seen = idle().without_probe("goroutine-count", "inlined");
        seen.samples = Some(CpuSamples {
            hertz: 99,
            total: 1_000,
            stacks,
            ..CpuSamples::default()
        });
        seen
    }

    #[test]
    fn calls_are_counted_where_a_probe_can_be() {
        let metric = found(examine(
            &idle().with(calls("goroutine-count").per_second(1.0)),
        ));
        assert_eq!(metric[0].exercises, ["source-12"]);
        let tight = found(examine(
            &idle().with(calls("goroutine-count").per_second(10_000.0)),
        ));
        assert_eq!(tight[0].exercises, ["package-7", "source-12"]);
        assert!(is_clear(&examine(
            &idle().with(calls("goroutine-count").per_second(0.9))
        )));
    }

    #[test]
    fn samples_tell_a_loop_where_the_call_is_inlined() {
        let asking = ["runtime.gcount", "runtime.NumGoroutine", "main.dispatch"];
        let faults = found(examine(&sampled(&asking, 10)));
        assert_eq!(
            faults[0].site.as_ref().map(|site| site.function.as_str()),
            Some("main.dispatch")
        );
        assert!(is_undecided(&examine(&sampled(&asking, 9))));
    }

    #[test]
    fn the_runtimes_own_count_is_not_the_users() {
        let own = ["runtime.gcount", "runtime.schedtrace", "main.main"];
        assert!(is_undecided(&examine(&sampled(&own, 100))));
    }
}
