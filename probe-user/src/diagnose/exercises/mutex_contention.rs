//! `mutex-contention`.
//!
//! # What it looks for
//! A line where goroutines wait for a mutex.
//! # Why it matters
//! Each wait parks a goroutine and wakes it again; meanwhile a request stands still.
//! # Evidence
//! Time and number of waits in the slow path of `sync.Mutex` and `sync.RWMutex` per line.
//! # What to try
//! Shards, shorter critical sections, atomics.
//! # References
//! dive-3; src/runtime/sema.go.

use super::prelude::*;

/// From the catalogue.
const WAIT_SHARE: f64 = 0.01;
const PARKS_PER_S: f64 = 100.0;
/// So few waits tell little, unless they amount to a goroutine that hardly does anything else.
const FEW_WAITS: u64 = 20;
const ALWAYS_ONE: f64 = 0.5;
/// Park, wake, and the switches between (measured 130 to 250 and 230 to 590 ns on one P, more across).
const PARK_NS: f64 = 2_000.0;

pub static RULE: Rule = Rule {
    name: "mutex-contention",
    exercises: &["dive-3"],
    probes: &["mutex-wait"],
    examine,
    advice: Advice {
        refuted_by: "a lock that is held during I/O on purpose, by design one at a time.",
        cure: "Hold the lock for less: move work out of it; split what it guards into shards by key, each with its own lock; or use an atomic where it guards one word.",
        do_not_bother_when: "Few goroutines wait, and the time they wait is far below your latency goal.",
    },
    explanation: Explanation {
        title: "Goroutines that wait for a mutex",
        in_the_runtime: "A free mutex is taken by one atomic instruction. One that is held makes the goroutine spin for a moment, then queue at a semaphore and park; Unlock wakes the first of the queue. After a millisecond of waiting the mutex turns to handing over in order, and every one waits for a switch.",
        how_it_is_seen: "The slow path that parks is timed per line that locks; a free lock never gets there. Found from 1 % of the wall time spent waiting at a line, or 100 waits a second.",
        example: "// before\nl.mu.Lock()\nl.counts[tenant]++\nl.mu.Unlock()\n\n// after\ns := &l.shards[hash(tenant)%len(l.shards)]\ns.mu.Lock()\ns.counts[tenant]++\ns.mu.Unlock()",
        versions: "Go 1.24 moved the mutex to internal/sync; its ways are the same from 1.21 to 1.27.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    // Who waits for a sync.Once waits for what is done once.
    let is_lock = |calls: &Calls| calls.by_user && !calls.passes_prefix("sync.(*Once).");
    let sites = observed.sites("mutex-wait", is_lock);
    let waits = |site: &&AtSite<'_>| {
        weigh::passes(site, waiting(observed, site), WAIT_SHARE) == Passes::Yes
            || reaches(site, PARKS_PER_S)
    };
    let faults = sites
        .iter()
        .filter(waits)
        .map(|site| fault(observed, site))
        .collect();
    Judgement::found_or(faults, || {
        undecided(&sites, Threshold::rate(PARKS_PER_S)).unwrap_or_else(|| {
            observed.silent(
                "mutex-wait",
                PARKS_PER_S,
                "no line waits for a mutex often or long",
            )
        })
    })
}

/// How many goroutines wait on average, as far as it is the program's doing: who holds a lock may not be running
/// because the host runs something else. Several wait at once: more than one second per second is possible.
fn waiting(observed: &Observed, site: &AtSite<'_>) -> f64 {
    site.ns_per_s() / 1e9 * observed.served_share()
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let waiting = waiting(observed, site);
    // A program that many goroutines serve at once feels one that waits the less.
    let procs = f64::from(observed.target.gomaxprocs.unwrap_or(1).max(1));
    let parks = observed.cpu_share(site.rate_per_s() * PARK_NS);
    let through = site.main_callee().unwrap_or_default().to_owned();
    let fault = Fault::at(site, "goroutines wait for a mutex")
        .evidence("waits", site.rate_per_s(), "1/s")
        .evidence("goroutines waiting on average", waiting, "")
        .evidence_if("median wait", observed.told_quantile_ns(site, 0.5), "ns")
        .evidence_if("p99 wait", observed.told_quantile_ns(site, 0.99), "ns")
        .costs((waiting / procs).min(1.0).max(parks));
    // One of a few may have waited for something that won't come again.
    let fault = if site.hits < FEW_WAITS && waiting < ALWAYS_ONE {
        fault.likely()
    } else {
        fault
    };
    if through.contains("RWMutex") {
        return fault.cure("Shorten what the writers do under the lock, or publish a copy by atomic.Pointer so that readers need no lock; a plain Mutex is faster when sections are short.");
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(rate: f64, ns: u64) -> Calls {
        calls("mutex-wait")
            .per_second(rate)
            .lasting(ns)
            .through_library(&["sync.(*Mutex).Lock"])
    }

    #[test]
    fn waiting_is_found_and_weighs_its_time() {
        let faults = found(examine(&idle().with(waits(5_000.0, 100_000))));
        assert_eq!(
            faults[0].severity(),
            Severity::Critical,
            "half a goroutine waits"
        );
    }

    #[test]
    fn a_few_long_waits_are_a_hint() {
        let severity = |waits_in_all: f64, ns| {
            let seen = idle().with(waits(waits_in_all / SECONDS, ns));
            found(examine(&seen))[0].severity()
        };
        assert_eq!(severity(19.0, 50_000_000), Severity::Info);
        assert_ne!(severity(20.0, 50_000_000), Severity::Info);
        assert_ne!(severity(10.0, 900_000_000), Severity::Info);
    }

    #[test]
    fn waits_below_the_floor_are_no_evidence() {
        let names = |floor_ns| {
            let mut seen = idle().with(waits(5_000.0, 1_000));
            seen.floors_ns.insert("mutex-wait".to_owned(), floor_ns);
            let evidence = found(examine(&seen)).remove(0).evidence;
            evidence.iter().any(|part| part.name == "median wait")
        };
        assert!(names(1_000));
        assert!(!names(1_001));
    }

    #[test]
    fn the_thresholds_are_a_hundred_waits_or_a_hundredth_of_the_time() {
        assert_eq!(found(examine(&idle().with(waits(100.0, 1_000)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(waits(99.0, 1_000)))));
        assert_eq!(
            found(examine(&idle().with(waits(10.0, 1_000_000)))).len(),
            1
        );
        assert!(is_clear(&examine(&idle().with(waits(10.0, 990_000)))));
    }

    #[test]
    fn free_locks_and_the_librarys_own_are_silent() {
        assert!(is_clear(&examine(&idle().with_probe("mutex-wait"))));
        assert!(is_clear(&examine(
            &idle().with(waits(500.0, 1_000).not_by_user())
        )));
        let once = ["sync.(*Mutex).lockSlow", "sync.(*Once).doSlow"];
        assert!(is_clear(&examine(
            &idle().with(waits(5_000.0, 100_000).through_library(&once))
        )));
    }

    #[test]
    fn who_holds_a_lock_may_wait_for_the_host() {
        let seen = |waited_s: f64| {
            let waits = idle().with(waits(15.0, 1_000_000));
            waits
                .stated(|state| state.cpu_wait_ns = Some(0))
                .ended(|state| state.cpu_wait_ns = Some((waited_s * 1e9) as u64))
        };
        assert_eq!(found(examine(&seen(0.0))).len(), 1);
        assert!(is_clear(&examine(&seen(10.0))));
    }
}
