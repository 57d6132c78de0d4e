use super::*;

pub(super) const COSTS: Costs = Costs {
    emulated_ns: 600.0,
    stepped_ns: 10_000.0,
    operation_ns: 500.0,
    event_ns: 250.0,
    cold_operation_ns: 0.0,
    cold_event_ns: 0.0,
    tick_ns: 0.0,
};
const STEP: u64 = 1_000_000;
/// From the decision to the first hit, and from the window's end to the last one.
const ATTACH: u64 = 8_000_000;
const LINGER: u64 = 2_000_000;

fn terms(share: f64) -> Terms {
    Terms {
        share,
        costs: COSTS,
        can_reopen: true,
        host_cpus: 4,
        run_ns: None,
        seed: 7,
    }
}

/// One thing that a simulated program does, on a CPU of its own.
struct Activity {
    /// Operations in a nanosecond, without probes.
    rate: f64,
    /// What limits it is its CPU: probes slow it down.
    flat_out: bool,
    window: Option<Window>,
    begun: f64,
    hits: Hits,
    on_ns: u64,
}

struct Window {
    open_ns: u64,
    close_ns: Option<u64>,
    limit: u64,
    begun: u64,
    asked: u64,
    /// The sites are still armed, the window is over.
    over_ns: Option<u64>,
}

impl Activity {
    fn new(rate_per_s: f64, flat_out: bool) -> Self {
        Self {
            rate: rate_per_s / 1e9,
            flat_out,
            window: None,
            begun: 0.0,
            hits: Hits::default(),
            on_ns: 0,
        }
    }

    /// A millisecond; returns the window when it has gone.
    fn run(&mut self, now_ns: u64) -> Option<Closed> {
        let window = self.window.as_mut()?;
        if now_ns < window.open_ns {
            return None;
        }
        let cost_ns = 2.0 * COSTS.emulated_ns + COSTS.operation_ns;
        let rate = if self.flat_out {
            self.rate / (1.0 + self.rate * cost_ns)
        } else {
            self.rate
        };
        self.begun += rate * STEP as f64;
        let operations = self.begun as u64;
        self.begun -= operations as f64;
        self.hits.emulated += 2 * operations;
        if let Some(over_ns) = window.over_ns {
            let closed = Closed {
                opened_ns: window.open_ns,
                closed_ns: over_ns,
                inside: Hits {
                    begun: window.asked,
                    emulated: 2 * window.asked,
                    stepped: 0,
                    ticks: 0,
                },
                inside_ns: over_ns - window.open_ns,
            };
            let gone = now_ns >= over_ns + LINGER;
            if gone {
                self.window = None;
            }
            return gone.then_some(closed);
        }
        let counted = operations.min(window.limit.saturating_sub(window.begun));
        window.begun += counted;
        window.asked += operations;
        self.hits.begun += counted;
        self.on_ns += STEP;
        let at_limit = window.begun >= window.limit;
        if at_limit || window.close_ns.is_some_and(|close_ns| close_ns <= now_ns) {
            window.over_ns = Some(now_ns + STEP / 2);
        }
        None
    }
}

/// Runs a program for so long; returns the share of its CPU time that the probes took by then, at each
/// second, and the governor.
fn simulate(share: f64, activities: &mut [Activity], seconds: u64) -> (Vec<f64>, Governor) {
    let cpus = activities.len() as f64;
    let mut governor = Governor::new(terms(share));
    for index in 0..activities.len() {
        governor.add(index as u8, 4, 1_700.0, 1.0);
    }
    let mut shares = Vec::new();
    for now_ns in (0..seconds * 1_000_000_000).step_by(STEP as usize) {
        let look = Look {
            now_ns,
            cpu_ns: (now_ns as f64 * cpus) as u64,
        };
        for (index, activity) in (0..).zip(activities.iter_mut()) {
            let gone = activity.run(now_ns);
            governor.count(index, activity.hits);
            if let Some(closed) = gone {
                governor.closed(index, look, closed);
            }
        }
        if now_ns % 10_000_000 == 0 {
            for action in governor.step(look) {
                act(action, activities, now_ns);
            }
        }
        if now_ns % 1_000_000_000 == 999_000_000 {
            shares.push(governor.spent_ns() / look.cpu_ns as f64);
        }
    }
    (shares, governor)
}

fn act(action: Action, activities: &mut [Activity], now_ns: u64) {
    match action {
        Action::Open {
            probe,
            after_ns,
            for_ns,
            room,
            ..
        } => {
            let open_ns = (now_ns + after_ns + ATTACH).next_multiple_of(STEP);
            activities[usize::from(probe)].window = Some(Window {
                open_ns,
                close_ns: for_ns.map(|for_ns| open_ns + for_ns),
                limit: room.operations,
                begun: 0,
                asked: 0,
                over_ns: None,
            });
        }
        Action::Close { probe } => {
            if let Some(window) = &mut activities[usize::from(probe)].window {
                window.close_ns = Some(now_ns);
            }
        }
        Action::Extend { probe, room } => {
            if let Some(window) = &mut activities[usize::from(probe)].window {
                window.limit = window.begun + room.operations;
            }
        }
    }
}

#[test]
fn loops_that_do_nothing_else_keep_to_the_budget_from_the_third_second_on() {
    for share in [0.005, 0.02, 0.05] {
        let mut activities: Vec<Activity> = [10e6, 30e6, 2e6]
            .map(|rate| Activity::new(rate, true))
            .into();
        let (shares, governor) = simulate(share, &mut activities, 20);
        for taken in &shares[2..] {
            assert!(*taken <= share * 1.05, "{share}: {shares:?}");
        }
        assert!(shares[19] > share * 0.5, "{share}: {shares:?}");
        assert!((0..3).all(|index| governor.was_windowed(index)));
        assert!(activities.iter().all(|activity| activity.on_ns > 0));
    }
}

#[test]
fn what_costs_little_stays_on() {
    let mut activities = [
        Activity::new(0.0, false),
        Activity::new(50.0, false),
        Activity::new(2_000.0, false),
    ];
    let (shares, governor) = simulate(0.02, &mut activities, 10);
    assert!((0..3).all(|index| !governor.was_windowed(index)));
    assert!(
        activities
            .iter()
            .all(|activity| activity.on_ns > 9_500_000_000)
    );
    assert!(shares[9] < 0.02);
}

#[test]
fn what_costs_little_stays_on_beside_what_costs_much() {
    let mut activities = [Activity::new(100.0, false), Activity::new(20e6, true)];
    let (shares, governor) = simulate(0.02, &mut activities, 10);
    assert!(!governor.was_windowed(0));
    assert!(governor.was_windowed(1));
    assert!(activities[0].on_ns > 9_500_000_000);
    assert!(shares[9] <= 0.0205, "{shares:?}");
}

#[test]
fn what_stays_on_leaves_something_for_what_was_never_on() {
    // One takes nearly all that may be planned with.
    let rates = [(2_950.0, false), (20e6, true), (20e6, true), (20e6, true)];
    let mut activities = rates.map(|(rate, flat_out)| Activity::new(rate, flat_out));
    let (shares, _) = simulate(0.00125, &mut activities, 20);
    let on: Vec<u64> = activities.iter().map(|activity| activity.on_ns).collect();
    assert!(on.iter().all(|on_ns| *on_ns > 0), "{on:?}");
    assert!(shares[19] <= 0.0013, "{shares:?}");
}

#[test]
fn a_warm_probe_is_on_for_as_much_of_the_time_as_it_may() {
    // 200 k/s cost 0.34 of 2 CPUs; 0.04 are allowed: one part in nine.
    let mut activities = [Activity::new(200e3, false), Activity::new(0.0, false)];
    let (shares, _) = simulate(0.02, &mut activities, 20);
    let on = activities[0].on_ns as f64 / 20e9;
    assert!((0.04..0.125).contains(&on), "{on} {shares:?}");
    assert!(shares[19] <= 0.0205, "{shares:?}");
}

#[test]
fn nothing_is_on_without_a_budget() {
    let mut activities = [Activity::new(100.0, false)];
    let (_, governor) = simulate(0.0, &mut activities, 3);
    assert_eq!(activities[0].on_ns, 0);
    assert!(governor.spent_ns() < f64::EPSILON);
}

#[test]
fn what_is_too_hot_is_dropped_where_it_cannot_come_back() {
    let mut governor = Governor::new(Terms {
        can_reopen: false,
        ..terms(0.02)
    });
    governor.add(3, 4, 1_700.0, 1.0);
    governor.is_on(3, 0);
    let look = |now_ns| Look {
        now_ns,
        cpu_ns: now_ns,
    };
    let hits = |now_ns| Hits {
        begun: now_ns / 10_000,
        emulated: now_ns / 5_000,
        stepped: 0,
        ticks: 0,
    };
    let mut closed = 0;
    for now_ns in (0..2_000_000_000).step_by(10_000_000) {
        governor.count(3, hits(now_ns));
        for action in governor.step(look(now_ns)) {
            match action {
                Action::Close { probe: 3 } => {
                    closed += 1;
                    let closed = Closed {
                        opened_ns: 0,
                        closed_ns: now_ns,
                        inside: hits(now_ns),
                        inside_ns: now_ns,
                    };
                    governor.closed(3, look(now_ns), closed);
                }
                Action::Extend { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(closed, 1);
}

#[test]
fn traps_of_no_operation_are_traps_all_the_same() {
    // As the end of a probe that every switch of goroutines passes, and whose beginning is rare.
    let mut governor = Governor::new(terms(0.02));
    governor.add(3, 2, 1_700.0, 1.0);
    let mut opened_ns = None;
    let (mut hits, mut spent_ns) = (Hits::default(), 0.0);
    for now_ns in (0..3_000_000_000).step_by(10_000_000) {
        let look = Look {
            now_ns,
            cpu_ns: now_ns,
        };
        if opened_ns.is_some() {
            hits.emulated += 500;
        }
        governor.count(3, hits);
        for action in governor.step(look) {
            match action {
                Action::Open { .. } => opened_ns = Some(now_ns),
                Action::Close { .. } => {
                    let opened_ns = opened_ns.take().unwrap();
                    let closed = Closed {
                        opened_ns,
                        closed_ns: now_ns,
                        inside: hits,
                        inside_ns: now_ns - opened_ns,
                    };
                    governor.closed(3, look, closed);
                    spent_ns = governor.spent_ns();
                    assert!(spent_ns < 0.02 * 3e9, "{spent_ns}");
                    return;
                }
                Action::Extend { .. } => {}
            }
        }
    }
    panic!("it stayed on: {spent_ns}");
}

/// Steps a governor through a second whenever it is due, and returns how often that was.
fn steps_in_a_second(governor: &mut Governor, cpus: f64) -> usize {
    const SECOND: u64 = 1_000_000_000;
    let (mut now_ns, mut steps) = (0, 0);
    while now_ns < SECOND {
        let cpu_ns = (now_ns as f64 * cpus) as u64;
        governor.step(Look { now_ns, cpu_ns });
        now_ns = governor.due_ns().max(now_ns + STEP);
        steps += 1;
    }
    steps
}

#[test]
fn what_cannot_be_paid_for_is_not_asked_about_all_the_time() {
    let mut governor = Governor::new(terms(0.02));
    for index in 0..20 {
        governor.add(index, 10_000, 1_000.0, 1.0);
    }
    let steps = steps_in_a_second(&mut governor, 1e-3);
    assert!(governor.rate(19).is_none(), "it can be paid for");
    assert!(steps < 15, "{steps}");
}

#[test]
fn what_stays_on_is_looked_at_together() {
    let mut governor = Governor::new(terms(0.02));
    for index in 0..3 {
        governor.add(index, 1, 1_000.0, 1.0);
        governor.is_on(index, u64::from(index) * 20 * STEP);
    }
    let steps = steps_in_a_second(&mut governor, 1.0);
    assert!(steps < 15, "{steps}");
}
