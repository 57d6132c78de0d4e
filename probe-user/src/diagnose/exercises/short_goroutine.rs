//! `short-goroutine`.
//!
//! # What it looks for
//! A `go` statement whose goroutines run for a few microseconds and never wait.
//! # Why it matters
//! Making, queueing and ending a goroutine costs more than what it does (src/runtime/proc.go `newproc1`).
//! # Evidence
//! Goroutines per `go` statement, the time from their first instruction to their last, and how many parked.
//! # What to try
//! A plain call.
//! # References
//! dive-1.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 100.0;
const MEDIAN_NS: u64 = 10_000;
/// Share of goroutines that park from which they do something that waits.
const PARKS_SHARE: f64 = 0.5;
/// Create, queue, switch to, end: measured 400 to 600 ns by the text, 300 to 700 here, and a wake-up of
/// another thread now and then.
const GOROUTINE_NS: f64 = 600.0;

pub static RULE: Rule = Rule {
    name: "short-goroutine",
    exercises: &["dive-1"],
    probes: &["goroutine-create", "goroutine-run"],
    examine,
    advice: Advice {
        refuted_by: "bodies that are longer under real load than in the time watched.",
        cure: "Call the function instead of starting a goroutine for it; start one only for work of 10 µs and more, or for work that waits.",
        do_not_bother_when: "A few hundred a second are started, or the work must not run on the caller's stack.",
    },
    explanation: Explanation {
        title: "Goroutines that are not worth starting",
        in_the_runtime: "A go statement takes a goroutine from a free list, or allocates one with its stack, puts it into the run queue and may wake a thread; the scheduler switches to it; at its end it goes back to the list. Together some 400 to 600 ns, and whoever waits for it parks and is woken for as much again.",
        how_it_is_seen: "Goroutines are counted per go statement and timed from when they first run to their end. Found from 100 a second with a median below 10 µs, when most of them never parked.",
        example: "// before\ngo func() { defer wg.Done(); errs <- checkName(r.Name) }()\ngo func() { defer wg.Done(); errs <- checkAge(r.Age) }()\n\n// after\nif err := checkName(r.Name); err != nil {\n\treturn err\n}\nreturn checkAge(r.Age)",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let spawned = observed.sites("goroutine-create", Calls::starts_goroutine);
    let often: Vec<&AtSite<'_>> = spawned
        .iter()
        .filter(|site| reaches(site, RATE_PER_S))
        .collect();
    if often.is_empty() && observed.has("goroutine-create") {
        return undecided(&spawned, Threshold::rate(RATE_PER_S)).unwrap_or_else(|| {
            observed.silent(
                "goroutine-create",
                RATE_PER_S,
                "no go statement runs 100 times a second",
            )
        });
    }
    let runs = observed.sites("goroutine-run", |_| true);
    let mut faults = Vec::new();
    let mut unseen = 0;
    for site in often {
        match runs
            .iter()
            .find(|run| site.is_started_at(&run.site) && run.completed >= MIN_HITS)
        {
            Some(run) if is_short(run) => faults.push(fault(observed, site, run)),
            Some(_) => {}
            None => unseen += 1,
        }
    }
    Judgement::found_or(faults, || match observed.missing("goroutine-run") {
        Some(missing) => missing,
        None if unseen > 0 => Judgement::not_enough(
            format!("{unseen} go statements run often, but their goroutines were not seen to end"),
            "a longer run, or --only short-goroutine",
        ),
        None => Judgement::Clear("goroutines that are started often run long or wait".to_owned()),
    })
}

fn is_short(run: &AtSite<'_>) -> bool {
    run.quantile_ns(0.5).is_some_and(|ns| ns < MEDIAN_NS) && run.noted_share() < PARKS_SHARE
}

fn fault(observed: &Observed, site: &AtSite<'_>, run: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * GOROUTINE_NS);
    Fault::at(site, "goroutines are started for very little work")
        .evidence("goroutines", site.rate_per_s(), "1/s")
        .evidence_if("median run", run.quantile_ns(0.5).map(|ns| ns as f64), "ns")
        .evidence("of them parked", run.noted_share(), "share")
        .evidence("CPU to start and end them", share, "share")
        .costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::calls::STARTERS;

    fn spawning(rate: f64, ns: u64, parked: f64) -> Observed {
        idle()
            .with(calls("goroutine-create").per_second(rate))
            .with(
                calls("goroutine-run")
                    .per_second(rate)
                    .lasting(ns)
                    .noting(parked),
            )
    }

    #[test]
    fn short_bodies_are_found_and_weigh_their_number() {
        let faults = found(examine(&spawning(100_000.0, 800, 0.0)));
        assert_eq!(faults[0].severity(), Severity::Warning);
        assert_eq!(
            found(examine(&spawning(200.0, 800, 0.0)))[0].severity(),
            Severity::Info
        );
    }

    #[test]
    fn the_thresholds_are_a_hundred_a_second_and_ten_microseconds() {
        assert_eq!(found(examine(&spawning(100.0, 9_000, 0.0))).len(), 1);
        assert!(is_clear(&examine(&spawning(99.0, 9_000, 0.0))));
        assert!(is_clear(&examine(&spawning(100.0, 11_000, 0.0))));
    }

    #[test]
    fn a_wait_groups_goroutines_are_its_callers() {
        let spawned = calls("goroutine-create")
            .per_second(50_000.0)
            .through_library(&[STARTERS[0]]);
        let mut run = calls("goroutine-run").per_second(50_000.0).lasting(800);
        run.site.function = STARTERS[0].into();
        assert_eq!(found(examine(&idle().with(spawned).with(run))).len(), 1);
    }

    #[test]
    fn bodies_that_wait_are_silent() {
        assert!(is_clear(&examine(&spawning(5_000.0, 2_000, 0.9))));
    }

    #[test]
    fn without_the_time_they_run_nothing_is_said() {
        let created = idle().with(calls("goroutine-create").per_second(500.0));
        let mut blind = created.clone();
        blind.probes.retain(|probe| probe.name != "goroutine-run");
        assert!(is_undecided(&examine(&blind)));
        assert!(is_undecided(&examine(&created.with_probe("goroutine-run"))));
    }
}
