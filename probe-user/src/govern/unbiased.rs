//! What windows tell is right on average, whatever the program does.

use super::{tests::COSTS, *};
use crate::aggregate::{ProbeSampling, Sampling, Seen, Slice};

const STEP: u64 = 100_000;
const MS: u64 = 1_000_000;
/// As of `session::window`.
const OFTEN: u64 = 40 * MS;
const BEAT: u64 = 100 * MS;
const AT_FIRST: u64 = 2 * SECOND;
const LOOK: u64 = 500 * MS;
const SECOND: u64 = 1_000_000_000;
const RUN: u64 = 20 * SECOND;
/// From the end of a window until it is off.
const LINGER: u64 = 3 * MS;
/// Windows with no more time left are not cut.
const GRACE: u64 = 10 * MS;
const CPUS: f64 = 0.1;
/// Windows that have to wait until they can be paid for come late, and see less of what is cheap.
const BIAS: f64 = 0.05;

/// A program: operations per second at a moment, and CPUs that it uses.
type Program = fn(u64) -> f64;

fn steady(_: u64) -> f64 {
    20_000.0
}

/// A millisecond of work each 100 ms.
fn bursts(now_ns: u64) -> f64 {
    if now_ns % (100 * MS) < MS {
        400_000.0
    } else {
        0.0
    }
}

/// A millisecond of work each 10 ms.
fn ticks(now_ns: u64) -> f64 {
    if now_ns % (10 * MS) < MS {
        1_000_000.0
    } else {
        0.0
    }
}

fn on_and_off(now_ns: u64) -> f64 {
    if now_ns % (4 * SECOND) < 2 * SECOND {
        40_000.0
    } else {
        0.0
    }
}

fn ramp(now_ns: u64) -> f64 {
    40_000.0 * now_ns as f64 / RUN as f64
}

/// Quiet for long, then so much that the window's limit is reached.
fn rare_and_heavy(now_ns: u64) -> f64 {
    if now_ns % (400 * MS) < 50 * MS {
        100_000.0
    } else {
        0.0
    }
}

struct Window {
    open_ns: u64,
    close_ns: u64,
    stays: bool,
    left: u64,
    begun: u64,
    asked: u64,
    over_ns: Option<u64>,
    is_cut: bool,
}

struct Told {
    estimate: f64,
    error: f64,
    truth: f64,
    spent: f64,
}

/// Watches a program that begins somewhere in its cycle.
fn watch(program: Program, seed: u64) -> Told {
    let mut governor = Governor::new(Terms {
        share: 0.02,
        costs: COSTS,
        can_reopen: true,
        host_cpus: 2,
        run_ns: Some(RUN),
        seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
    });
    governor.add(0, 4, 1_700.0, 1.0);
    let cycles = (program(0) - program(RUN)).abs() < 1.0;
    let shift_ns = if cycles {
        (governor.random() * 4e9) as u64
    } else {
        0
    };
    let (mut carry, mut truth) = (0.0, 0_u64);
    let mut hits = Hits::default();
    let mut window: Option<Window> = None;
    let mut sampling = Sampling::default();
    let (mut governed_ns, mut govern_ns) = (0, 0);
    for now_ns in (0..RUN).step_by(STEP as usize) {
        carry += program(now_ns + shift_ns) * STEP as f64 / 1e9;
        let operations = carry as u64;
        carry -= operations as f64;
        truth += operations;
        let look = Look {
            now_ns,
            cpu_ns: (now_ns as f64 * CPUS) as u64,
        };
        if let Some(open) = window.as_mut().filter(|open| now_ns >= open.open_ns) {
            let is_off = open.over_ns.is_some_and(|ns| now_ns >= ns + LINGER);
            if !is_off {
                hits.emulated += 2 * operations;
            }
            if let Some(over_ns) = open.over_ns {
                // What nobody expects is told at once.
                if is_off && (open.is_cut || now_ns >= govern_ns) {
                    if open.is_cut {
                        govern_ns = govern_ns.min(governed_ns + OFTEN);
                    }
                    let closed = Closed {
                        opened_ns: open.open_ns,
                        closed_ns: over_ns,
                        inside: Hits {
                            begun: open.asked,
                            emulated: 2 * open.asked,
                            stepped: 0,
                            ticks: 0,
                        },
                        inside_ns: over_ns - open.open_ns,
                    };
                    let slice = Slice {
                        on_ns: closed.open_ns(),
                        period_ns: governor.stands_for_ns(0, closed.open_ns()),
                        ..Slice::default()
                    };
                    let seen = Seen {
                        row: 0,
                        begun: open.begun,
                        bytes: 0,
                    };
                    sampling.add("alloc", &slice, &[seen]);
                    governor.count(0, hits);
                    governor.closed(0, look, closed);
                    window = None;
                }
            } else {
                let admitted = operations.min(open.left);
                open.left -= admitted;
                open.asked += operations;
                hits.begun += admitted;
                open.begun += if open.stays { admitted } else { operations };
                let cut = open.left == 0 && now_ns + GRACE < open.close_ns;
                if cut || now_ns + STEP >= open.close_ns {
                    open.over_ns = Some(now_ns + STEP);
                    open.is_cut = cut;
                }
            }
        }
        if now_ns >= govern_ns {
            governor.count(0, hits);
            for action in governor.step(look) {
                match action {
                    Action::Open {
                        after_ns,
                        for_ns,
                        room,
                        ..
                    } => {
                        let attach_ns = (governor.random() * 5e6) as u64;
                        let open_ns = (now_ns + after_ns + attach_ns).next_multiple_of(STEP);
                        window = Some(Window {
                            open_ns,
                            stays: for_ns.is_none(),
                            close_ns: for_ns.map_or(u64::MAX, |for_ns| open_ns + for_ns),
                            left: room.operations,
                            begun: 0,
                            asked: 0,
                            over_ns: None,
                            is_cut: false,
                        });
                    }
                    Action::Close { .. } => {
                        if let Some(open) = &mut window {
                            open.close_ns = now_ns;
                        }
                    }
                    Action::Extend { room, .. } => {
                        if let Some(open) = window.as_mut().filter(|open| open.left > 0) {
                            open.left = room.operations;
                        }
                    }
                }
            }
            governed_ns = now_ns;
            let beat = if now_ns < AT_FIRST { OFTEN } else { BEAT };
            govern_ns = now_ns + governor.due_ns().saturating_sub(now_ns).clamp(beat, LOOK);
        }
    }
    let probe = sampling.probes.get("alloc").copied().unwrap_or_default();
    let row = sampling.rows.get(&0).copied().unwrap_or_default();
    let stretch = probe.stretch(RUN);
    let estimate = if probe.is_look_only() {
        row.whole * stretch
    } else {
        row.whole + row.count * stretch
    };
    Told {
        estimate,
        error: probe.error_of(&row, RUN) * stretch,
        truth: truth as f64,
        spent: governor.spent_ns() / (RUN as f64 * CPUS),
    }
}

/// Checks that the mean over many runs is the truth, within what chance allows, and that the intervals hold it.
fn assert_unbiased(name: &str, program: Program) {
    const RUNS: u64 = 200;
    let told: Vec<Told> = (1..=RUNS).map(|seed| watch(program, seed)).collect();
    let n = RUNS as f64;
    let ratios: Vec<f64> = told.iter().map(|told| told.estimate / told.truth).collect();
    let mean = ratios.iter().sum::<f64>() / n;
    let variance = ratios
        .iter()
        .map(|ratio| (ratio - mean).powi(2))
        .sum::<f64>()
        / (n - 1.0);
    let error = (variance / n).sqrt();
    let inside = told
        .iter()
        .filter(|told| {
            let spread = ProbeSampling::spread(told.estimate, told.error, 1.96);
            (told.estimate / spread..=told.estimate * spread).contains(&told.truth)
        })
        .count();
    let spent = told.iter().map(|told| told.spent).sum::<f64>() / n;
    let most = told.iter().map(|told| told.spent).fold(0.0, f64::max);
    eprintln!(
        "{name}: mean {mean:.3} ± {error:.3}, deviation {:.3}, {inside} of {RUNS} inside, spent {spent:.4}, at most {most:.4}",
        variance.sqrt()
    );
    assert!(
        (mean - 1.0).abs() < 3.0 * error + BIAS,
        "{name}: {mean} ± {error}"
    );
    assert!(inside as f64 > n * 0.85, "{name}: {inside} of {RUNS}");
    assert!(spent <= 0.02, "{name}: {spent}");
}

#[test]
fn a_steady_program_is_seen_as_it_is() {
    assert_unbiased("steady", steady);
}

#[test]
fn bursts_are_not_taken_for_the_whole() {
    assert_unbiased("bursts", bursts);
}

#[test]
fn ticks_are_not_taken_for_the_whole() {
    assert_unbiased("ticks", ticks);
}

#[test]
fn what_rests_for_seconds_is_not_taken_to_be_always_at_work() {
    assert_unbiased("on and off", on_and_off);
}

#[test]
fn a_program_that_speeds_up_is_seen_as_on_average() {
    assert_unbiased("ramp", ramp);
}

#[test]
fn windows_that_their_limit_cuts_are_right_on_average() {
    assert_unbiased("rare and heavy", rare_and_heavy);
}
