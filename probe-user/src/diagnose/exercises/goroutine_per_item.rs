//! `goroutine-per-item`.
//!
//! # What it looks for
//! A `go` statement in a loop over many items: a thousand goroutines and more at once.
//! # Why it matters
//! Each has a stack of its own, and the run queues overflow into the global one (src/runtime/proc.go).
//! # Evidence
//! Goroutines of one `go` statement alive at once, or so many in so short a time that they must be.
//! # What to try
//! A pool of workers.
//! # References
//! source-5.

use super::prelude::*;
use crate::{observed::Census, report::GoroutineGroup};

/// From the catalogue: a burst is a thousand within 100 ms.
const BURST: f64 = 1_000.0;
const BURST_S: f64 = 0.1;
/// Rate that keeps up with such bursts, one a second.
const RATE_PER_S: f64 = BURST;
/// Creation faster than this, one after the other, is a loop: a server's accept takes longer
/// (accept4 and setting up a connection, 5 µs and more).
const LOOP_NS: u64 = 3_000;
/// Why a goroutine waits that waits for a descriptor (src/runtime/runtime2.go `waitReasonIOWait`).
const IO_WAIT: &str = "IO wait";
/// Create, queue, switch to, end, as in `short-goroutine`, and the first touch of a stack.
const GOROUTINE_NS: f64 = 900.0;

pub static RULE: Rule = Rule {
    name: "goroutine-per-item",
    exercises: &["source-5"],
    probes: &["goroutine-create", "goroutine-run"],
    examine,
    advice: Advice {
        refuted_by: "goroutines of one statement that come one by one, each for a connection or a request.",
        cure: "Start as many workers as there are CPUs (or as the other side can take), and give them the items through a channel or by index; errgroup.SetLimit does it in one line.",
        do_not_bother_when: "The items are some dozens, or each one waits for the network and all may wait at once.",
    },
    explanation: Explanation {
        title: "A goroutine for each item of a batch",
        in_the_runtime: "A loop with a go statement makes goroutines faster than they end. Each needs a stack of 2 KiB or more, which grows; a P's queue holds 256, the rest goes to the global queue under a lock; and the last one runs long after the first was made.",
        how_it_is_seen: "Goroutines are counted per go statement. Found from a thousand a second on average, or a thousand alive at one moment, where the statement's goroutines come much faster than they end or than connections could. Not where the process never had a thousand goroutines at once, which the runtime remembers, or where the statement's function was seen to wait for the network.",
        example: "// before\nfor i := range rows {\n\twg.Add(1)\n\tgo func() { defer wg.Done(); out[i] = enrich(rows[i]) }()\n}\n\n// after\nvar g errgroup.Group\ng.SetLimit(runtime.GOMAXPROCS(0))\nfor i := range rows {\n\tg.Go(func() error { out[i] = enrich(rows[i]); return nil })\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let spawned = observed.sites("goroutine-create", |calls| {
        calls.starts_goroutine() && !is_accept_loop(calls)
    });
    let faults = spawned
        .iter()
        .filter(|site| site.hits >= MIN_HITS)
        .filter_map(|site| {
            let alive = alive(observed, site);
            let is_burst = alive.is_some_and(|n| n as f64 >= BURST)
                || (reaches(site, RATE_PER_S)
                    && can_burst(observed)
                    && !is_fed_by_network(observed, site)
                    && comes_in_bursts(observed, site));
            is_burst.then(|| fault(observed, site, alive))
        })
        .collect();
    Judgement::found_or(faults, || {
        observed.silent(
            "goroutine-create",
            RATE_PER_S * BURST_S,
            "no go statement makes a thousand goroutines at once",
        )
    })
}

/// Whether the goroutines are made right after a connection was accepted: the caller waits for each.
fn is_accept_loop(calls: &Calls) -> bool {
    calls.within_package("net") || calls.within_package("net/http")
}

/// Whether there ever were enough goroutines at once, of all kinds, for a burst.
fn can_burst(observed: &Observed) -> bool {
    let mut censuses = censuses(observed);
    let most = censuses.find_map(|census| census.most_at_once);
    most.is_none_or(|most| most as f64 >= BURST)
}

/// Whether whoever runs the `go` statement was seen to wait for the network for what comes next: a server's
/// goroutine per connection, request or packet.
fn is_fed_by_network(observed: &Observed, site: &AtSite<'_>) -> bool {
    let waits_there = |group: &GoroutineGroup| {
        group.wait_reason.as_deref() == Some(IO_WAIT)
            && group.stack.iter().any(|frame| {
                *frame.function == *site.site.function && *frame.file == *site.site.file
            })
    };
    censuses(observed).any(|census| census.groups.iter().any(waits_there))
}

/// The later one first.
fn censuses(observed: &Observed) -> impl Iterator<Item = &Census> {
    [&observed.end, &observed.start]
        .into_iter()
        .filter_map(|state| state.as_ref()?.census.as_ref())
}

/// The most goroutines of a `go` statement that were alive at either end of the window.
fn alive(observed: &Observed, site: &AtSite<'_>) -> Option<u64> {
    censuses(observed).map(|census| of_site(census, site)).max()
}

fn of_site(census: &Census, site: &AtSite<'_>) -> u64 {
    let made_here = census
        .groups
        .iter()
        .filter(|group| (group.created_by.as_ref()).is_some_and(|made| site.is_started_at(made)));
    made_here
        .map(|group| group.count)
        .fold(0, u64::saturating_add)
}

/// Whether goroutines wait for their first turn: in a burst the later ones are made before the earlier run.
/// Told by how long they take from creation to creation, where that is known, and by short creations.
fn comes_in_bursts(observed: &Observed, site: &AtSite<'_>) -> bool {
    let runs = observed.sites("goroutine-run", |_| true);
    let run = runs.iter().find(|run| site.is_started_at(&run.site));
    // One after the other, each started when the one before has ended: no burst.
    let busy_s = run
        .and_then(AtSite::mean_ns)
        .map(|ns| ns * site.rate_per_s() / 1e9);
    let keeps_up = busy_s.is_some_and(|goroutines| goroutines < 0.01);
    let quick = site.quantile_ns(0.5).is_none_or(|ns| ns < LOOP_NS);
    quick && !keeps_up
}

fn fault(observed: &Observed, site: &AtSite<'_>, alive: Option<u64>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * GOROUTINE_NS);
    let fault = Fault::at(site, "a goroutine is started for each item of a batch")
        .evidence("goroutines", site.rate_per_s(), "1/s")
        .evidence("CPU to start and end them", share, "share")
        .costs(share);
    match alive {
        Some(n) if n as f64 >= BURST => fault.evidence("alive at once", n as f64, ""),
        // A stream that makes a thousand in every 100 ms.
        _ if site.rate_per_s() >= BURST / BURST_S => fault.less_sure(0.6),
        // The rate alone can't tell bursts of a thousand from many small ones.
        _ => fault.less_sure(0.6).at_most(Severity::Info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::calls::STARTERS;
    use crate::report::Location;

    fn spawning(rate: f64) -> Calls {
        calls("goroutine-create").per_second(rate).lasting(400)
    }

    fn crowd(n: u64) -> Census {
        let site = spawning(1.0).site;
        let created_by = Some(Location {
            function: site.function.to_string(),
            file: site.file.to_string(),
            line: site.line,
        });
        let group = GoroutineGroup {
            state: "runnable".to_owned(),
            wait_reason: None,
            count: n,
            created_by,
            ..GoroutineGroup::default()
        };
        Census {
            total: n,
            groups: vec![group],
            ..Census::default()
        }
    }

    #[test]
    fn a_wait_groups_goroutines_are_its_callers() {
        let spawned = calls("goroutine-create")
            .per_second(8_000.0)
            .lasting(400)
            .through_library(&[STARTERS[0]]);
        let mut run = calls("goroutine-run").per_second(8_000.0).lasting(9_000);
        run.site.function = STARTERS[0].into();
        assert_eq!(found(examine(&idle().with(spawned).with(run))).len(), 1);
    }

    #[test]
    fn a_thousand_alive_at_once_are_found() {
        let seen = idle()
            .with(spawning(800.0))
            .ended(|state| state.census = Some(crowd(1_000)));
        assert_eq!(found(examine(&seen)).len(), 1);
        let fewer = idle()
            .with(spawning(800.0))
            .ended(|state| state.census = Some(crowd(999)));
        assert!(is_clear(&examine(&fewer)));
    }

    #[test]
    fn a_stream_of_thousands_is_found_but_less_sure() {
        let run = calls("goroutine-run").per_second(10_000.0).lasting(50_000);
        let faults = found(examine(&idle().with(spawning(10_000.0)).with(run)));
        assert!(faults[0].confidence < 0.7);
    }

    #[test]
    fn small_bursts_are_no_alarm() {
        let run = calls("goroutine-run").per_second(5_000.0).lasting(50_000);
        let faults = found(examine(&idle().with(spawning(5_000.0)).with(run)));
        assert_eq!(faults[0].severity(), Severity::Info);
        assert!(faults[0].cost_share * 10.0 > weigh::WARNING_SHARE);
    }

    #[test]
    fn where_there_never_were_a_thousand_at_once_there_was_no_burst() {
        let stream = |most| {
            let run = calls("goroutine-run").per_second(10_000.0).lasting(50_000);
            let seen = idle().with(spawning(10_000.0)).with(run);
            seen.ended(|state| {
                state.census = Some(Census {
                    most_at_once: Some(most),
                    ..crowd(1)
                });
            })
        };
        assert_eq!(found(examine(&stream(1_000))).len(), 1);
        assert!(is_clear(&examine(&stream(999))));
    }

    #[test]
    fn a_server_that_waits_for_each_packet_is_silent() {
        let run = calls("goroutine-run").per_second(10_000.0).lasting(50_000);
        let seen = idle().with(spawning(10_000.0)).with(run);
        let waiting = |reason: &str| {
            let group = GoroutineGroup {
                state: "waiting".to_owned(),
                wait_reason: Some(reason.to_owned()),
                count: 1,
                stack: vec![spawning(1.0).site],
                ..GoroutineGroup::default()
            };
            let mut census = crowd(1);
            census.groups.push(group);
            let seen = seen.clone();
            examine(&seen.ended(move |state| state.census = Some(census.clone())))
        };
        assert!(is_clear(&waiting("IO wait")));
        assert_eq!(found(waiting("semacquire")).len(), 1);
    }

    #[test]
    fn pools_servers_and_one_after_the_other_are_silent() {
        assert!(is_clear(&examine(&idle().with(spawning(10.0)))));
        let server = spawning(5_000.0).called_by("net/http.(*conn).serve");
        assert!(is_clear(&examine(&idle().with(server))));
        let short = calls("goroutine-run").per_second(2_000.0).lasting(500);
        assert!(is_clear(&examine(
            &idle().with(spawning(2_000.0)).with(short)
        )));
    }
}
