//! `forced-gc`.
//!
//! # What it looks for
//! Collections that the program asks for.
//! # Why it matters
//! `runtime.GC` waits for a whole cycle and the sweep after it (src/runtime/mgc.go `GC`, Go 1.21 to 1.27).
//! # Evidence
//! Calls of `runtime.GC` per line; where that was not watched, stops of the world for sweep termination below it.
//! # What to try
//! `GOMEMLIMIT`.
//! # References
//! dive-6, source-6, package-2.

use super::prelude::*;

/// Cores that marking takes meanwhile: a quarter of them (src/runtime/mgcpacer.go `gcBackgroundUtilization`).
const MARK_UTILIZATION: f64 = 0.25;

pub static RULE: Rule = Rule {
    name: "forced-gc",
    exercises: &["dive-6", "source-6", "package-2"],
    probes: &["gc", "stop-the-world"],
    examine,
    advice: Advice {
        refuted_by: "a call that runs once, after a load that left most of the heap unused.",
        cure: "Delete the call and let the pacer decide; where memory must stay below a limit, set GOMEMLIMIT (debug.SetMemoryLimit), and GOGC for how eagerly.",
        do_not_bother_when: "It runs once at a phase boundary, such as after loading a large data set.",
    },
    explanation: Explanation {
        title: "Collections by hand",
        in_the_runtime: "runtime.GC finishes the sweep of the last cycle, runs a whole cycle with two stops of the world, waits until it has swept, and publishes the heap profile. The caller is blocked all the while, marking takes a quarter of the CPUs, and the pacer starts anew from what is left: the collections that it would have made anyway still come.",
        how_it_is_seen: "A pair of probes on runtime.GC counts and times the calls per line; those that debug.FreeOSMemory makes have a rule of their own. A benchmark's frame on the stack, or collections by the testing package itself, make it package-2. Any call in the window is found; the severity follows from the time that callers were blocked.",
        example: "// before\nfunc handle(j Job) Result {\n\tr := process(j)\n\truntime.GC()\n\treturn r\n}\n\n// after: no call; in main, if there is a hard limit\ndebug.SetMemoryLimit(2 << 30)",
        versions: "Go 1.21 to 1.27 alike; the limit exists since 1.19.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let by_user = |calls: &Calls| calls.by_user && !calls.passes("runtime/debug.FreeOSMemory");
    let sites = if observed.has("gc") {
        observed.sites("gc", by_user)
    } else {
        let forced = |calls: &Calls| by_user(calls) && calls.passes("runtime.GC") && !frees(calls);
        observed.sites("stop-the-world", forced)
    };
    let faults = sites.iter().map(|site| fault(observed, site)).collect();
    Judgement::found_or(faults, || {
        let silent = "no collection was asked for by the program";
        match observed.missing("gc") {
            None => Judgement::Clear(silent.to_owned()),
            Some(na @ Judgement::NotApplicable(_)) => na,
            Some(_) if observed.has("stop-the-world") => Judgement::Clear(silent.to_owned()),
            Some(missing) => missing,
        }
    })
}

fn frees(calls: &Calls) -> bool {
    calls.passes_prefix("runtime/debug.")
}

/// Whether the testing package runs it: by the frames as far as the walk went, by the name that benchmarks
/// have, or by the file.
fn is_benchmark(calls: &Calls) -> bool {
    const NAME: &str = "benchmark";
    let is_named = |part: &str| {
        part.get(..NAME.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(NAME))
    };
    calls.within_package("testing")
        || calls.site.file.ends_with("_test.go")
        || calls.site.function.rsplit('.').any(is_named)
}

/// Whether the testing package collects garbage by itself meanwhile, as it does before it runs a benchmark
/// (src/testing/benchmark.go `runN`): its frames may lie beyond the user's own, where the walk ends.
fn runs_benchmarks(observed: &Observed) -> bool {
    let by_testing = |calls: &Calls| !calls.by_user && calls.within_package("testing");
    !observed.sites("gc", by_testing).is_empty()
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let in_benchmark =
        site.calls.iter().any(|calls| is_benchmark(calls)) || runs_benchmarks(observed);
    let title = if in_benchmark {
        "a benchmark measures the collector: runtime.GC in its loop"
    } else {
        "the program forces collections"
    };
    let blocked = (site.ns_per_s() / 1e9).min(1.0);
    let cpus = observed
        .target
        .gomaxprocs
        .unwrap_or(observed.host_cpus)
        .max(1);
    let marking = observed.cpu_share(site.ns_per_s() * MARK_UTILIZATION * f64::from(cpus));
    let mut fault = Fault::at(site, title)
        .evidence("forced collections", site.rate_per_s(), "1/s")
        .evidence_if("each blocks its caller for", site.mean_ns(), "ns")
        .evidence("callers blocked", blocked, "share")
        .costs(marking.max(blocked));
    // A line that calls runtime.GC does so: one call is proof.
    fault.confidence = 0.99 * (1.0 - site.uncertainty().min(1.0) / 4.0);
    if in_benchmark {
        return fault.exercises(&["package-2"]);
    }
    let few = site.hits < MIN_HITS && site.rate_per_s() < 0.2;
    fault.exercises(&["dive-6", "source-6"]).at_most(if few {
        Severity::Info
    } else {
        Severity::Critical
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forced(rate: f64) -> Calls {
        calls("gc").per_second(rate).lasting(2_000_000)
    }

    #[test]
    fn a_collection_per_request_is_found_and_weighs_the_time_blocked() {
        let faults = found(examine(&idle().with(forced(50.0))));
        assert_eq!(faults[0].exercises, ["dive-6", "source-6"]);
        assert_eq!(
            faults[0].severity(),
            Severity::Critical,
            "10 % of the time in collections"
        );
    }

    #[test]
    fn a_benchmark_is_told_by_its_frames() {
        let faults = found(examine(
            &idle().with(forced(5.0).called_by("testing.(*B).runN")),
        ));
        assert_eq!(faults[0].exercises, ["package-2"]);
    }

    #[test]
    fn a_helper_of_a_benchmark_is_told_by_what_runs_it() {
        let runs = forced(1.0).called_by("testing.(*B).runN").not_by_user();
        let faults = found(examine(&idle().with(forced(5.0)).with(runs)));
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].exercises, ["package-2"]);
    }

    #[test]
    fn one_call_is_enough_but_no_alarm() {
        let faults = found(examine(&idle().with(forced(0.1).lasting(2_000_000_000))));
        assert_eq!(faults[0].severity(), Severity::Info);
    }

    #[test]
    fn the_collectors_own_cycles_and_free_os_memory_are_silent() {
        let free = forced(5.0).through_runtime(&["runtime/debug.freeOSMemory"]);
        let free = free.through_library(&["runtime/debug.FreeOSMemory"]);
        assert!(is_clear(&examine(&idle().with(free))));
        let own = calls("stop-the-world")
            .per_second(20.0)
            .through_runtime(&["runtime.mallocgc"]);
        assert!(is_clear(&examine(&idle().with_probe("gc").with(own))));
    }

    #[test]
    fn stops_of_the_world_tell_it_where_the_call_was_not_watched() {
        let stop = calls("stop-the-world")
            .per_second(5.0)
            .lasting(50_000)
            .reason(2);
        let stop = stop.through_runtime(&["runtime.gcStart", "runtime.GC"]);
        let mut seen = idle().with(stop);
        seen.probes.retain(|probe| probe.name != "gc");
        assert_eq!(found(examine(&seen)).len(), 1);
    }
}
