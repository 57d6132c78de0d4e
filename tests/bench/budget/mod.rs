//! `budget`: what a limit on the cost is worth, and how true the counts are that are taken within it.
//!
//! A program does one thing as fast as it goes. Time spans in which it is watched alternate with time spans in which
//! it is not; the program counts its operations all the time, and so does a twin beside it that is never watched.

mod load;
mod round;

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use load::{Latency, Load};
use round::{Counted, Known, Round};
use rtprobe_tests::{
    figures::{
        stats::Spread,
        table::{Table, log, met, percent},
    },
    go::Go,
};

/// Each limit is measured this often, in turn.
const ROUNDS: usize = 5;
/// Limits before the one that is none.
const N_LIMITED: usize = 3;
/// How well the program's own count is known in a window: clocks are read one after the other.
const SLACK: f64 = 0.002;
const WARM_UP: Duration = Duration::from_secs(1);

/// What `--max-overhead` is given.
struct Limit {
    text: &'static str,
    window: Duration,
}

const LIMITS: [Limit; 4] = [
    Limit {
        text: "0.5%",
        window: Duration::from_secs(5),
    },
    DEFAULT,
    Limit {
        text: "5%",
        window: Duration::from_secs(5),
    },
    Limit {
        text: "none",
        window: Duration::from_secs(2),
    },
];

/// The one that is there without an option.
const DEFAULT: Limit = Limit {
    text: "2%",
    window: Duration::from_secs(20),
};

/// A program and what is known of it.
struct Subject {
    case: &'static str,
    what: &'static str,
    start: fn(&Go) -> Result<Load>,
    known: &'static [Known],
}

const SUBJECTS: [Subject; 4] = [
    Subject {
        case: "alloc",
        what: "Objects of 48 bytes",
        start: |go| Load::flat_out(go, "alloc"),
        known: &[Known {
            probe: "alloc",
            function: "main.allocate",
            each: 1.0,
        }],
    },
    Subject {
        case: "send",
        what: "Sends to a channel with room",
        start: |go| Load::flat_out(go, "send"),
        known: &[Known {
            probe: "chan-send",
            function: "main.send",
            each: 1.0,
        }],
    },
    Subject {
        case: "spawn",
        what: "Goroutines that send once and end, one after the other",
        start: |go| Load::flat_out(go, "spawn"),
        known: &[
            Known {
                probe: "goroutine-create",
                function: "main.spawn",
                each: 1.0,
            },
            Known {
                probe: "chan-send",
                function: "main.spawn.func1",
                each: 1.0,
            },
        ],
    },
    Subject {
        case: "http",
        what: "Requests over the loopback, 4 at a time, from another process",
        start: Load::http,
        known: &[
            Known {
                probe: "goroutine-create",
                function: "main.answer",
                each: 1.0,
            },
            Known {
                probe: "chan-send",
                function: "main.name",
                each: 8.0,
            },
        ],
    },
];

pub(crate) fn run(case: &str) -> Result<()> {
    let subject = SUBJECTS.iter().find(|subject| subject.case == case);
    let subject = subject.with_context(|| format!("no case `{case}`"))?;
    let go = Go::find().context("needs Go")?;
    let mut load = (subject.start)(&go)?;
    thread::sleep(WARM_UP);
    let mut rounds = LIMITS.map(|_| Vec::new());
    let mut before = round::unprobed(&mut load)?;
    let mut speeds = vec![before.pace.speed()];
    for _ in 0..ROUNDS {
        for (limit, rounds) in LIMITS.iter().zip(&mut rounds) {
            let (round, after) =
                round::round(&mut load, limit.text, limit.window, subject.known, before)?;
            log(&format!("{}: {round:?}", limit.text));
            speeds.push(after.pace.speed());
            rounds.push(round);
            before = after;
        }
    }
    println!(
        "{}: {:.0} a second unprobed, on a CPU that it shares with a twin that is never watched. Losses are against what the twin does \
         in the same window, by how both compare right before and after. \
         All probes, median of {ROUNDS} (least…most).\n",
        subject.what,
        Spread::whole(speeds)
    );
    println!("{}", costs(&rounds));
    println!("{}", verdict(&rounds));
    println!("{}", counts(subject, &rounds));
    Ok(())
}

fn costs(rounds: &[Vec<Round>; 4]) -> Table {
    let mut table = Table::new(&[
        "limit",
        "throughput lost",
        "the same per CPU second",
        "`cost.target_share`",
        "rtprobe's own, of a CPU",
        "p50 unprobed, probed",
        "p99 unprobed, probed",
    ]);
    for (limit, rounds) in LIMITS.iter().zip(rounds) {
        table.row([
            limit.text.to_owned(),
            percent(&of(rounds, |round| Some(round.throughput_lost))),
            percent(&of(rounds, |round| Some(round.cpu_lost))),
            percent(&of(rounds, |round| round.target_share)),
            percent(&of(rounds, |round| round.agent_share)),
            latencies(rounds, |latency| latency.p50_ns),
            latencies(rounds, |latency| latency.p99_ns),
        ]);
    }
    table
}

fn of(rounds: &[Round], value: impl Fn(&Round) -> Option<f64>) -> Spread {
    Spread::whole(rounds.iter().filter_map(value))
}

fn latencies(rounds: &[Round], value: fn(&Latency) -> f64) -> String {
    let micros = |of_round: fn(&Round) -> Option<Latency>| {
        let values = rounds.iter().filter_map(of_round);
        Spread::whole(values.map(|latency| value(&latency) / 1e3)).median
    };
    let (unprobed, probed) = (micros(|round| round.unprobed), micros(|round| round.probed));
    if unprobed.is_nan() {
        return "–".to_owned();
    }
    format!("{unprobed:.0} µs, {probed:.0} µs")
}

/// What was wanted of the default limit, and what came of it.
fn verdict(rounds: &[Vec<Round>; 4]) -> String {
    let of_default = LIMITS.iter().zip(rounds);
    let of_default = of_default.filter(|(limit, _)| limit.text == DEFAULT.text);
    let rounds: Vec<Round> = of_default.flat_map(|(_, rounds)| rounds.clone()).collect();
    let lost = of(&rounds, |round| Some(round.throughput_lost)).median;
    // What one round lost is known to two points or three only.
    let told = of(&rounds, |round| round.target_share).median;
    let off = (told - of(&rounds, |round| Some(round.cpu_lost)).median).abs();
    format!(
        "At {}: wanted at most 3 % lost: {:.1} %, {}; wanted `cost.target_share` within 1 point of what is lost per CPU \
         second: {:.1} points, {}.\n",
        DEFAULT.text,
        lost * 1e2,
        met(lost <= 0.03),
        off * 1e2,
        met(off <= 0.01)
    )
}

fn counts(subject: &Subject, rounds: &[Vec<Round>; 4]) -> Table {
    let mut table = Table::new(&[
        "limit",
        "operations",
        "observed",
        "error of the count",
        "error of the unprobed rate",
        "truth in the interval",
        "interval",
    ]);
    for (index, known) in subject.known.iter().enumerate() {
        // Without a limit everything is counted, of a program that is slower by far.
        for (limit, rounds) in LIMITS.iter().zip(rounds).take(N_LIMITED) {
            let counted = || rounds.iter().filter_map(|round| round.counted.get(index));
            let of = |value: fn(&Counted) -> f64| Spread::whole(counted().map(value));
            table.row([
                limit.text.to_owned(),
                format!("`{}` in `{}`", known.probe, known.function),
                percent(&of(|counted| counted.told.observed_share)),
                percent(&of(Counted::count_error)),
                percent(&of(Counted::rate_error)),
                format!(
                    "{} of {ROUNDS}",
                    counted()
                        .filter(|counted| counted
                            .told
                            .is_in_interval(counted.truth, counted.truth * SLACK))
                        .count()
                ),
                format!("± {}", percent(&of(|counted| counted.told.half_width()))),
            ]);
        }
    }
    table
}
