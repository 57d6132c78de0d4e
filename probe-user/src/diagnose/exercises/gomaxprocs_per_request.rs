//! `gomaxprocs-per-request`.
//!
//! # What it looks for
//! `runtime.GOMAXPROCS` called once a second or more.
//! # Why it matters
//! Each call takes the scheduler's lock; one that changes the number stops the world (src/runtime/debug.go).
//! # Evidence
//! Calls per line, and stops of the world with that reason.
//! # What to try
//! Once at start, or never.
//! # References
//! package-8.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1.0;
/// `stwGOMAXPROCS` of src/runtime/proc.go.
const GOMAXPROCS: u8 = 9;
/// A call that changes nothing: a lock and a comparison.
const CALL_NS: f64 = 30.0;

pub static RULE: Rule = Rule {
    name: "gomaxprocs-per-request",
    exercises: &["package-8"],
    probes: &["gomaxprocs", "stop-the-world"],
    examine,
    advice: Advice {
        refuted_by: "a line of a library that only asks, GOMAXPROCS(0), a few times a second.",
        cure: "Set it once in main, or leave it to the runtime; to know the number later, keep it in a variable.",
        do_not_bother_when: "It only asks, with GOMAXPROCS(0), at a rate far below a hundred thousand a second.",
    },
    explanation: Explanation {
        title: "GOMAXPROCS is called for every request",
        in_the_runtime: "runtime.GOMAXPROCS takes the scheduler's lock to read the number, even when nothing changes. A call with another number stops the world, makes or destroys Ps, and hands their queues around.",
        how_it_is_seen: "Calls are counted per line, stops of the world with the reason GOMAXPROCS are timed. sync.Pool asks once per collection and is left out, as everything is that the standard library asks by itself.",
        example: "// before\nfunc handle(w http.ResponseWriter, r *http.Request) {\n\truntime.GOMAXPROCS(runtime.NumCPU())\n\tserve(w, r)\n}\n\n// after: the runtime's own default\nfunc handle(w http.ResponseWriter, r *http.Request) { serve(w, r) }",
        versions: "From Go 1.25 on, setting the number by hand also switches off that it follows the container's CPU quota.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let calls = observed.sites("gomaxprocs", Calls::directly_by_user);
    let stops = observed.sites("stop-the-world", |calls| {
        calls.reason == GOMAXPROCS && calls.directly_by_user()
    });
    let stop_of = |site: &AtSite<'_>| stops.iter().find(|stop| stop.site == site.site);
    let mut faults: Vec<Fault> = calls
        .iter()
        .filter(|site| reaches(site, RATE_PER_S))
        .map(|site| fault(observed, site, stop_of(site)))
        .collect();
    // The stops tell it by themselves where the calls were not watched.
    let known = |stop: &&AtSite<'_>| calls.iter().any(|site| site.site == stop.site);
    let alone = stops
        .iter()
        .filter(|stop| !known(stop) && reaches(stop, RATE_PER_S));
    faults.extend(alone.map(|stop| fault(observed, stop, Some(stop))));
    Judgement::found_or(faults, || {
        observed.silent(
            "gomaxprocs",
            RATE_PER_S,
            "GOMAXPROCS is not called by the program again and again",
        )
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>, stops: Option<&AtSite<'_>>) -> Fault {
    let stopped = stops.map_or(0.0, |stops| stops.ns_per_s() / 1e9);
    let share = observed.cpu_share(site.rate_per_s() * CALL_NS);
    let fault = Fault::at(site, "GOMAXPROCS is called again and again")
        .evidence("calls", site.rate_per_s(), "1/s")
        .evidence(
            "stops of the world",
            stops.map_or(0.0, AtSite::rate_per_s),
            "1/s",
        )
        .evidence_if(
            "longest pause",
            stops.map(|stops| stops.max_ns as f64),
            "ns",
        )
        .costs(share.max(stopped));
    if stops.is_none() && site.share(|calls| calls.detail == 0) > 0.5 {
        return fault.at_most(Severity::Info);
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(rate: f64) -> Calls {
        calls("gomaxprocs").per_second(rate).detail(1)
    }

    #[test]
    fn a_call_per_request_is_found() {
        let stop = calls("stop-the-world")
            .per_second(400.0)
            .lasting(60_000)
            .reason(GOMAXPROCS);
        let faults = found(examine(&idle().with(setting(400.0)).with(stop)));
        assert_eq!(
            faults[0].severity(),
            Severity::Warning,
            "2.4 % of the time stopped"
        );
        assert_eq!(
            found(examine(&idle().with(setting(400.0))))[0].severity(),
            Severity::Info
        );
    }

    #[test]
    fn a_call_and_one_that_it_defers_are_one_site() {
        let mut deferred = setting(400.0);
        let function = &mut deferred.site.function;
        *function = format!("{function}.deferwrap1").into();
        let faults = found(examine(&idle().with(deferred).with(setting(400.0))));
        assert_eq!(faults.len(), 1);
        assert!((faults[0].evidence[0].value - 800.0).abs() < 1e-6);
        let site = faults[0].site.as_ref();
        assert_eq!(
            site.map(|site| site.function.as_str()),
            Some("example.com/api/work.Do")
        );
    }

    #[test]
    fn one_a_second_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(setting(1.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(setting(0.9)))));
    }

    #[test]
    fn pools_and_the_start_are_silent() {
        let pool = setting(170.0).through_library(&["sync.(*Pool).pinSlow", "sync.(*Pool).Get"]);
        assert!(is_clear(&examine(&idle().with(pool))));
        assert!(is_clear(&examine(&idle().with(setting(0.1)))));
    }

    #[test]
    fn stops_alone_tell_it_where_the_calls_were_not_watched() {
        let stop = calls("stop-the-world")
            .per_second(5.0)
            .lasting(60_000)
            .reason(GOMAXPROCS);
        let mut seen = idle().with(stop);
        seen.probes.retain(|probe| probe.name != "gomaxprocs");
        assert_eq!(found(examine(&seen)).len(), 1);
    }
}
