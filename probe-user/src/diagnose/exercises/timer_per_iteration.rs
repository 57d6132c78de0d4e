//! `timer-per-iteration`.
//!
//! # What it looks for
//! A line that makes a timer ten times a second or more, where one could be reset.
//! # Why it matters
//! Each is three allocations and a place in a heap of timers (src/time/sleep.go `NewTimer`; measured).
//! # Evidence
//! Timers started per line through `time.After`, `time.NewTimer` or `time.Tick`.
//! # What to try
//! One timer and `Reset`.
//! # References
//! dive-5, source-3; the `asynctimerchan` setting of Go 1.23.

use super::prelude::*;
use crate::{diagnose::frames::without_closures, generic};

/// From the catalogue.
const RATE_PER_S: f64 = 10.0;
/// A timer with its channel: three objects, and its way into the heap and out (measured, 1.21 to 1.27).
const TIMER_NS: f64 = 400.0;
/// Bytes of a timer with its channel.
const TIMER_BYTES: f64 = 208.0;
/// Share of a line's timers that fire or are stopped from which it uses them as they are meant.
const ENDED_SHARE: f64 = 0.5;
/// Lines between a `select` and its cases, at most, to be taken for one.
const NEAR_LINES: u32 = 8;

pub static RULE: Rule = Rule {
    name: "timer-per-iteration",
    exercises: &["dive-5", "source-3"],
    probes: &["timer-start", "timer-fire"],
    examine,
    advice: Advice {
        refuted_by: "a line where each timer belongs to another goroutine that lives as long as the timer.",
        cure: "Make one time.Timer before the loop and Reset it in each iteration; stop it when the loop ends, and where there is no loop when the wait does.",
        do_not_bother_when: "The loop turns a few times a second: the line is simpler, and the cost can't be measured.",
    },
    explanation: Explanation {
        title: "A timer for every turn of a loop",
        in_the_runtime: "time.After and time.NewTimer allocate a timer and a channel and put the timer into its P's heap. In a loop that selects on it, the next turn makes another before the last has fired. Up to Go 1.22 the old ones stay in the heap, and in memory, until they fire; since 1.23 an unreachable one is collected, but each turn still pays for the allocations.",
        how_it_is_seen: "Probes on the start of timers count per line; timers of the standard library's own (contexts, deadlines) are left out, and so are lines whose timers are stopped or fire before the next is made where that can be seen. Found from ten timers a second on.",
        example: "// before\nfor {\n\tselect {\n\tcase job := <-jobs:\n\t\tjob.Run()\n\tcase <-time.After(limit):\n\t\treturn\n\t}\n}\n\n// after\nidle := time.NewTimer(limit)\ndefer idle.Stop()\nfor {\n\tidle.Reset(limit)\n\tselect {\n\tcase job := <-jobs:\n\t\tjob.Run()\n\tcase <-idle.C:\n\t\treturn\n\t}\n}",
        versions: "Up to Go 1.22, and with a go line below 1.23 (asynctimerchan=1), abandoned timers are held until they fire, and Reset needs the channel drained when Stop was too late. From 1.23 neither is true.",
    },
};

/// What a user calls to get a channel that a timer sends on.
const MAKERS: [&str; 3] = ["time.After", "time.NewTimer", "time.Tick"];

fn examine(observed: &Observed) -> Judgement {
    let mut sites = observed.sites("timer-start", makes_channel);
    let threshold = Threshold::rate(RATE_PER_S);
    let mut untold = None;
    sites.retain(|site| {
        let ended = mostly_ended(observed, site);
        if ended.is_none() && !matches!(threshold.passed_by(site), Passes::No) {
            untold.get_or_insert_with(|| fate_unknown(site));
        }
        ended == Some(false)
    });
    observed.beyond(&sites, threshold, fault, || {
        untold.unwrap_or_else(|| {
            observed.silent(
                "timer-start",
                RATE_PER_S,
                "no line makes ten timers a second that it leaves to themselves",
            )
        })
    })
}

fn fate_unknown(site: &AtSite<'_>) -> Judgement {
    Judgement::not_enough(
        format!(
            "whether timers that {}:{} makes fire or are stopped was not seen",
            generic::short(&site.site.function),
            site.site.line
        ),
        "a longer run, a larger --max-overhead, or --only timer-start,timer-stop,timer-fire",
    )
}

/// Whether the user's own line asked for a timer with a channel: contexts and deadlines use others.
pub(super) fn makes_channel(calls: &Calls) -> bool {
    calls.by_user
        && calls
            .callee()
            .is_some_and(|callee| MAKERS.contains(&callee))
}

/// Whether most of a line's timers were waited for until they fired, or were stopped; `None` where no probe was on that
/// would have seen it.
fn mostly_ended(observed: &Observed, site: &AtSite<'_>) -> Option<bool> {
    let fates = observed.sites("timer-fire", makes_channel);
    if let Some(fate) = fates.iter().find(|fate| fate.site == site.site) {
        return Some(left_share(observed, fate) <= 1.0 - ENDED_SHARE);
    }
    let expected = |probe: &str| observed.watched_seconds(probe) * site.rate_per_s();
    if expected("timer-fire").max(expected("timer-stop")) < MIN_HITS as f64 {
        return None;
    }
    let stops = observed.sites("timer-stop", |calls| calls.by_user);
    let of_same = stops.iter().filter(|stop| {
        without_closures(&stop.site.function) == without_closures(&site.site.function)
    });
    let stopped: f64 = of_same.map(|stop| stop.count).sum();
    Some(stopped >= ENDED_SHARE * site.count)
}

/// The share of a line's timers that nobody waits for any more: those that neither fired nor were stopped, and
/// those that fired long after the wait was over.
pub(super) fn left_share(observed: &Observed, fate: &AtSite<'_>) -> f64 {
    let ended = fate.completed as f64 / fate.hits.max(1) as f64;
    let stopped = fate.noted_share().min(ended);
    let fired = match outlive_the_wait(observed, fate) {
        Some(true) => 0.0,
        // A window may be too short to see the end.
        Some(false) if stopped <= 0.0 => 1.0,
        Some(false) | None => ended - stopped,
    };
    (1.0 - stopped - fired).clamp(0.0, 1.0)
}

/// Whether the timers take longer to their end than the function that makes them waits, by far; `None` where either is
/// not known.
fn outlive_the_wait(observed: &Observed, fate: &AtSite<'_>) -> Option<bool> {
    let near = |wait: &&AtSite<'_>| {
        wait.site.function == fate.site.function
            && wait.site.line.abs_diff(fate.site.line) <= NEAR_LINES
    };
    let waits = ["select", "chan-recv"].map(|probe| observed.sites(probe, Calls::directly_by_user));
    let waits = waits.iter().flatten().filter(near);
    let wait = waits.max_by(|a, b| a.count.total_cmp(&b.count));
    let (wait, life) = (wait?.quantile_ns(0.5)?, fate.quantile_ns(0.5)?);
    Some(wait < life / 2)
}

/// Whether abandoned timers are held until they fire (src/time/sleep.go, `asynctimerchan`).
pub(super) fn holds_abandoned(observed: &Observed) -> bool {
    !observed.is_go(23) || observed.godebug("asynctimerchan") == Some("1")
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let rate = site.rate_per_s();
    let share = observed.cpu_share(rate * TIMER_NS);
    let fault = Fault::at(site, "a timer is made for every wait, and left")
        .evidence("timers started", rate, "1/s")
        .evidence("allocated", rate * TIMER_BYTES, "bytes/s")
        .costs(share)
        .less_sure(if observed.has("timer-fire") { 1.0 } else { 0.9 });
    if holds_abandoned(observed) {
        return fault.do_not_bother_when(
            "The loop turns a few times a second and the timeout is short: with this build every timer is held until it fires.",
        );
    }
    fault.at_most(Severity::Warning).do_not_bother_when(
        "The loop turns a few hundred times a second: this build collects abandoned timers, only the allocations remain.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(rate: f64) -> Calls {
        let calls = calls("timer-start").per_second(rate);
        calls.through_library(&["time.NewTimer", "time.After"])
    }

    #[test]
    fn time_after_in_a_loop_is_found() {
        let faults = found(examine(&idle().with(after(20_000.0))));
        assert_eq!(faults[0].severity(), Severity::Info, "0.8 % of a CPU");
        let faults = found(examine(&idle().on_go(22).with(after(400_000.0))));
        assert_eq!(faults[0].severity(), Severity::Critical);
        assert!(
            faults[0]
                .do_not_bother_when
                .as_ref()
                .is_some_and(|text| text.contains("held"))
        );
    }

    #[test]
    fn the_go_line_decides_what_is_held() {
        assert!(!holds_abandoned(&idle()));
        assert!(holds_abandoned(&idle().with_godebug("asynctimerchan=1")));
        assert!(holds_abandoned(&idle().on_go(22)));
    }

    #[test]
    fn timers_that_fire_when_nobody_waits_any_more_are_left() {
        let waited = |ns| {
            let fate = Calls {
                probe: "timer-fire".to_owned(),
                ..after(500.0).lasting(50_000_000)
            };
            let wait = calls("select").per_second(500.0).lasting(ns).at_line(10);
            examine(&idle().with(after(500.0)).with(fate).with(wait))
        };
        assert_eq!(found(waited(2_000)).len(), 1);
        assert!(is_clear(&waited(49_000_000)));
    }

    #[test]
    fn timers_that_are_waited_for_are_not_left_where_windows_are_too_short_for_them() {
        let fate = Calls {
            probe: "timer-fire".to_owned(),
            completed: 2_000,
            ..after(500.0).lasting(4_000_000)
        };
        let wait = calls("chan-recv")
            .per_second(250.0)
            .lasting(4_000_000)
            .at_line(11);
        let seen = idle().with(after(500.0)).with(fate).with(wait);
        assert!(is_clear(&examine(&seen)));
    }

    #[test]
    fn timers_whose_end_no_probe_would_have_seen_are_not_taken_to_be_left() {
        let dropped = |seen: Observed, probe| seen.without_probe(probe, "no budget");
        let seen = dropped(idle(), "timer-fire").with(after(500.0));
        assert_eq!(found(examine(&seen)).len(), 1);
        let seen = dropped(dropped(idle(), "timer-fire"), "timer-stop").with(after(500.0));
        assert!(matches!(examine(&seen), Judgement::NotEnoughData { .. }));
        // A line that makes few timers says nothing of one that makes many.
        let seen = seen.with(after(1.0).at_line(90));
        assert!(matches!(examine(&seen), Judgement::NotEnoughData { .. }));
    }

    #[test]
    fn ten_a_second_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(after(10.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(after(9.9)))));
    }

    #[test]
    fn contexts_and_stopped_timers_are_silent() {
        let context = calls("timer-start").per_second(500.0).through_library(&[
            "time.AfterFunc",
            "context.WithDeadline",
            "context.WithTimeout",
        ]);
        assert!(is_clear(&examine(&idle().with(context))));
        let made = calls("timer-start")
            .per_second(500.0)
            .through_library(&["time.NewTimer"]);
        let stopped = calls("timer-stop").per_second(480.0).at_line(20);
        assert!(is_clear(&examine(&idle().with(made).with(stopped))));
        // A loop that is slower than its timer: each one fires.
        let fate = |completed| Calls {
            probe: "timer-fire".to_owned(),
            completed,
            ..after(500.0)
        };
        assert!(is_clear(&examine(
            &idle().with(after(500.0)).with(fate(4_900))
        )));
        assert_eq!(
            found(examine(&idle().with(after(500.0)).with(fate(100)))).len(),
            1
        );
    }
}
