//! `abandoned-timer`.
//!
//! # What it looks for
//! Timers that are left running when what they limit is over.
//! # Why it matters
//! Where the build holds them until they fire, they pile up: 209 bytes each at Go 1.22 (measured).
//! # Evidence
//! Timers of a line that neither fire nor are stopped.
//! # What to try
//! `defer timer.Stop()`.
//! # References
//! dive-16; `asynctimerchan` in <https://go.dev/doc/godebug>.

use super::{
    prelude::*,
    timer_per_iteration::{holds_abandoned, left_share, makes_channel},
};

/// From the catalogue.
const RATE_PER_S: f64 = 10.0;
/// Held per abandoned timer (measured with `time.After`: 209 at Go 1.22, 265 at 1.24 with a go line of 1.21).
const HELD_BYTES: f64 = 209.0;
/// Share of a line's timers that are left from which leaving them is its way.
const LEFT_SHARE: f64 = 0.5;
/// A timer in the heap: sifted in, looked at, sifted out when it fires.
const TIMER_NS: f64 = 400.0;

pub static RULE: Rule = Rule {
    name: "abandoned-timer",
    exercises: &["dive-16"],
    probes: &["timer-fire", "timer-start"],
    examine,
    advice: Advice {
        refuted_by: "a count of timers, in runtime state, that does not grow with the rate of waits times the timeout.",
        cure: "Make the timer with time.NewTimer and defer its Stop, so that it goes when the wait ends another way; or give the context the deadline.",
        do_not_bother_when: "The timeout is a few milliseconds: the timers are gone before they pile up.",
    },
    explanation: Explanation {
        title: "Timers that outlive the wait they limit",
        in_the_runtime: "A select on time.After that ends by another case leaves its timer behind. Up to Go 1.22 the runtime's heap of timers refers to it until it fires: the timer and its channel can't be collected, and the heap gets deeper for everybody on that P. With a thousand waits a second and a timeout of a minute, 60 000 dead timers are there at any moment.",
        how_it_is_seen: "Each timer is followed from its start to where it fires or is stopped. Found where ten a second of a line do neither within the window, or fire long after the wait was over, and the build is one that holds them.",
        example: "// before\nselect {\ncase <-ctx.Done():\n\treturn ctx.Err()\ncase <-time.After(limit):\n\treturn errTimeout\n}\n\n// after\nt := time.NewTimer(limit)\ndefer t.Stop()\nselect {\ncase <-ctx.Done():\n\treturn ctx.Err()\ncase <-t.C:\n\treturn errTimeout\n}",
        versions: "From Go 1.23 on, with a go line of 1.23 or later, a timer that nobody can reach is collected: nothing is held. A go line below it, or GODEBUG=asynctimerchan=1, keeps the old way up to 1.26.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    if !holds_abandoned(observed) {
        return Judgement::NotApplicable(
            "this build collects timers that nobody can reach (Go 1.23 and its go line)".to_owned(),
        );
    }
    let mut sites = observed.sites("timer-fire", makes_channel);
    sites.retain(|site| left_share(observed, site) > LEFT_SHARE);
    observed.beyond(&sites, Threshold::rate(RATE_PER_S), fault, || {
        observed.silent(
            "timer-fire",
            RATE_PER_S,
            "timers fire or are stopped when the wait is over",
        )
    })
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let left = (site.rate_per_s() * left_share(observed, site)).min(started_per_s(observed, site));
    Fault::at(site, "timers are left running when the wait is over")
        .exercises(&["dive-16"])
        .evidence("timers left", left, "1/s")
        .evidence("held until they fire", left * HELD_BYTES, "bytes/s")
        .costs(observed.cpu_share(left * TIMER_NS))
        // A timer that is left and one that will fire after the window look alike.
        .less_sure(0.85)
}

/// How many timers a second the line starts at most: the two probes are on at different times, and no more can be
/// left than were started.
fn started_per_s(observed: &Observed, site: &AtSite<'_>) -> f64 {
    let starts = observed.sites("timer-start", makes_channel);
    let of_site = starts.iter().find(|start| start.site == site.site);
    of_site.map_or(f64::INFINITY, AtSite::rate_per_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers(rate: f64, ended: f64) -> Calls {
        let calls = calls("timer-fire")
            .per_second(rate)
            .through_library(&["time.NewTimer", "time.After"]);
        Calls {
            completed: (rate * SECONDS * ended) as u64,
            ..calls
        }
    }

    #[test]
    fn timers_that_are_left_are_found_where_they_are_held() {
        let faults = found(examine(&idle().on_go(22).with(timers(1_000.0, 0.1))));
        assert!((faults[0].evidence[0].value - 900.0).abs() < 1.0);
        let late = idle()
            .with_godebug("asynctimerchan=1")
            .with(timers(1_000.0, 0.1));
        assert_eq!(found(examine(&late)).len(), 1);
    }

    #[test]
    fn no_more_are_left_than_are_started() {
        let starts = Calls {
            probe: "timer-start".to_owned(),
            ..timers(800.0, 1.0)
        };
        let seen = idle().on_go(22).with(timers(1_000.0, 0.0)).with(starts);
        let faults = found(examine(&seen));
        assert!((faults[0].evidence[0].value - 800.0).abs() < 1.0);
    }

    #[test]
    fn builds_that_collect_them_are_inapplicable() {
        assert!(is_inapplicable(&examine(
            &idle().with(timers(1_000.0, 0.0))
        )));
    }

    #[test]
    fn timers_that_are_stopped_are_silent() {
        assert!(is_clear(&examine(
            &idle().on_go(22).with(timers(1_000.0, 0.98))
        )));
    }

    #[test]
    fn ten_a_second_is_the_threshold() {
        assert_eq!(
            found(examine(&idle().on_go(22).with(timers(10.0, 0.0)))).len(),
            1
        );
        let fewer = idle()
            .on_go(22)
            .with_probe("timer-fire")
            .with(timers(9.0, 0.0));
        assert!(is_clear(&examine(&fewer)));
    }
}
