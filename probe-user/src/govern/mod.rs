//! The budget in, decisions out: which probes are on, which in windows, and when.
//!
//! Pure: knows neither clock nor kernel. What a probe costs is not known before it was on, so it is
//! approached from below: a first look with room for few operations. If those don't come in a while, the
//! probe stays on. The budget is divided by how much a probe is wanted ([`fair`]): what costs less than its part
//! stays on all the time; what costs more is on in windows of random length, at random times, as often as its
//! part allows ([`period`]).
//! Nothing begins unless it is paid for by what the target has used so far.

mod costs;
mod fair;
mod pace;
mod period;
mod probe;
mod room;

pub use costs::{Costs, Hits};
use pace::MIN_LENGTH_NS;
pub use pace::{Next, Pace, Past};
pub use period::Period;
use probe::{Probe, State};
pub use room::Room;

/// Operations that the first look at a probe has room for, and any that follows: it takes as long until they cost
/// nothing more.
const FIRST_LIMIT: u64 = 200;
/// Of a target that uses so little that they would be a large part of what the run may cost: the part that they may be,
/// and the operations that it takes at least to tell something.
const FIRST_SHARE: f64 = 0.03;
const LEAST_FIRST_LIMIT: u64 = 40;
/// How long a probe is on before its rate is believed.
const FIRST_LOOK_NS: u64 = 30_000_000;
/// A target that has only been looked at so long has not shown what it uses.
const SETTLE_NS: u64 = 40_000_000;
/// What is planned with: prices are not exact, and bursts come.
const PLANNED_SHARE: f64 = 0.9;
/// A probe that takes so much less or more than its part begins or ceases to stay on, lest it comes and goes.
const COMES_ON: f64 = 0.8;
const GOES_OFF: f64 = 1.15;
/// What first looks may spend in advance: at most, and as a part of what the run will earn.
const ADVANCE_NS: f64 = 2e6;
const ADVANCE_SHARE: f64 = 0.1;
/// What of it windows leave untouched.
const KEPT_OF_ADVANCE: f64 = 0.5;
/// By which part of a run everything is to have been looked at: what stays on by then leaves something for the rest.
const LOOKED_AT_WITHIN: f64 = 0.1;
/// What is assumed of a run that has no end.
const LONG_RUN_NS: u64 = 30_000_000_000;
/// How long a first look at a hot probe may last at most, for what it may cost.
const WORST_LOOK_NS: f64 = 3e6;
/// How long it takes until a first look at a hot probe has shown what it costs.
const PENDING_NS: u64 = 15_000_000;
/// How long a probe waits that could not be paid for.
const RETRY_NS: u64 = 20_000_000;
/// Windows that open before so long has passed are ordered now: until the next step.
const AHEAD_NS: u64 = 110_000_000;
/// How long it takes until a window that is over is closed.
const LINGER_NS: u64 = 10_000_000;
/// How often the rates of probes that stay on are looked at. Those that are due within half of it are looked at
/// together.
const STEP_NS: u64 = 100_000_000;
/// What a probe that stays on may cost that suddenly becomes hot: at most, and as a part of what is left.
const BURST_NS: f64 = 5e6;
const BURST_SHARE: f64 = 0.25;
/// What a window may cost that hits a burst: at least, at most, and as a part of what the run will earn. On average
/// it is paid for, and what is not cut needs no correction.
const LEAST_WINDOW_NS: f64 = 1e6;
const MOST_WINDOW_NS: f64 = 20e6;
const WINDOW_SHARE: f64 = 0.2;
/// What was spent too much is saved, and what was spent too little is used, within so long or what is left of the
/// run: by windows that come less or more often. One that has to wait until it can be paid for comes late in its
/// period, and one that never comes tells nothing.
const BALANCE_NS: f64 = 3e9;
const LEAST_BALANCE_NS: f64 = 0.3e9;
/// What stays on is allowed so much less at least while what was spent too much is saved: what comes and goes costs, too.
const LEAST_LEVEL: f64 = 0.5;
const LEAST_PACE: f64 = 0.2;
const MOST_PACE: f64 = 1.0;
/// The first window of a probe is within so much of what is left of the run.
const FIRST_WITHIN: f64 = 0.7;
/// A run has so many windows of a probe, lest it tells of some moments only.
const LEAST_WINDOWS: f64 = 16.0;
/// What a run earns pays for so many windows at least: as long as other probes have not been looked at a probe has all of
/// it for itself.
const LEAST_WINDOWS_PAID: f64 = 32.0;
/// There is room for so many times the operations that are expected.
const ROOM: f64 = 4.0;

/// What to do with a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Open {
        probe: u8,
        /// Not before so long has passed.
        after_ns: u64,
        /// `None`: until it is closed.
        for_ns: Option<u64>,
        room: Room,
        /// It slows the target down, and by how much is to be found out.
        slows: bool,
    },
    Close {
        probe: u8,
    },
    /// Gives a probe that is on that much room from here on.
    Extend {
        probe: u8,
        room: Room,
    },
}

/// What is seen from outside at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Since the governor started.
    pub now_ns: u64,
    /// CPU time of the target since then.
    pub cpu_ns: u64,
}

/// A window that is over, in nanoseconds since the governor started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    pub opened_ns: u64,
    /// When the last operation was counted that could be.
    pub closed_ns: u64,
    /// What came while its gate was open, for how long that was; begun are also those there was no room for.
    pub inside: Hits,
    pub inside_ns: u64,
}

impl Closed {
    /// Returns how long operations were counted.
    pub const fn open_ns(self) -> u64 {
        self.closed_ns.saturating_sub(self.opened_ns)
    }
}

/// What the governor has to keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Of the target's CPU time, 0…1.
    pub share: f64,
    pub costs: Costs,
    /// Probes come on and go off quickly here; where they don't, what is too hot is dropped.
    pub can_reopen: bool,
    /// More than these no program takes.
    pub host_cpus: u32,
    /// How long the run is going to be; `None`: without end.
    pub run_ns: Option<u64>,
    /// For what is random.
    pub seed: u64,
}

/// Returns the CPUs that a probe of weight 1 may take of a budget where probes of that weight would take `rates`, all
/// in CPUs, and be always on.
pub(crate) fn level(budget: f64, rates: impl Iterator<Item = f64>) -> f64 {
    let claims: Vec<_> = rates
        .map(|rate| fair::Claim { rate, weight: 1.0 })
        .collect();
    fair::level(budget * PLANNED_SHARE, &claims) * COMES_ON
}

/// Keeps to the budget.
#[derive(Debug)]
pub struct Governor {
    terms: Terms,
    probes: Vec<Probe>,
    cpus: f64,
    random: u64,
    /// When what waits to come on can be paid for, as far as that can be told.
    saved_ns: u64,
}

impl Governor {
    pub fn new(terms: Terms) -> Self {
        Self {
            random: terms.seed | 1,
            terms,
            probes: Vec::new(),
            cpus: 0.0,
            saved_ns: 0,
        }
    }

    /// Leaves a part of the target's CPU time to something else: half of what there is at most.
    pub fn leave(&mut self, share: f64) {
        self.terms.share -= share.min(self.terms.share / 2.0);
    }

    /// Adds a probe that is to be on: with so many sites, what an operation is expected to cost, and how much
    /// it is wanted. Those that are wanted most come first.
    pub fn add(&mut self, index: u8, n_sites: usize, operation_ns: f64, weight: f64) {
        let probe = Probe::new(index, n_sites, operation_ns, weight);
        let at = self.probes.partition_point(|other| other.weight >= weight);
        self.probes.insert(at, probe);
    }

    /// Takes note that a probe was on before the governor began, from `now_ns` on.
    pub fn is_on(&mut self, index: u8, now_ns: u64) {
        if let Some(probe) = self.probe_mut(index) {
            probe.turn_on(now_ns, None);
        }
    }

    /// Takes note that a probe could not be attached.
    pub fn refused(&mut self, index: u8) {
        if let Some(probe) = self.probe_mut(index) {
            probe.state = State::Gone;
        }
    }

    /// Takes over what the hits of a probe are by now.
    pub fn count(&mut self, index: u8, hits: Hits) {
        if let Some(probe) = self.probe_mut(index) {
            probe.hits = hits;
        }
    }

    /// Returns whether a probe is on, and not in a window.
    pub fn stays_on(&self, index: u8) -> bool {
        self.probe(index)
            .is_some_and(|probe| probe.stays() || probe.state == State::Closing)
    }

    /// Returns whether a probe was told to go off, which it may do at any moment from then on.
    pub fn is_closing(&self, index: u8) -> bool {
        self.probe(index)
            .is_some_and(|probe| probe.state == State::Closing)
    }

    /// Returns the time that a window stands for which was open for `open_ns`; `None`: what stays on stands for
    /// itself.
    pub fn stands_for_ns(&self, index: u8, open_ns: u64) -> Option<u64> {
        match self.probe(index)?.state {
            State::On {
                period: Some(period),
                ..
            } => Some(period.stands_for_ns(open_ns) as u64),
            _ => None,
        }
    }

    /// Takes note that a probe is off; its hits were counted before.
    pub fn closed(&mut self, index: u8, look: Look, closed: Closed) {
        let Terms {
            costs,
            can_reopen,
            host_cpus,
            ..
        } = self.terms;
        let cpus = self.cpus;
        let Some(probe) = self.probe_mut(index) else {
            return;
        };
        let period = match probe.state {
            State::On { period, .. } => period,
            _ => None,
        };
        let mut past = Past {
            inside_ns: closed.inside_ns,
            inside: closed.inside,
            hits: probe.hits.since(probe.at_open),
            toggles_ns: 2.0 * Costs::of_toggle(probe.n_sites, cpus),
        };
        if let State::On {
            period: None,
            since_ns,
            seen_ns,
            seen,
        } = probe.state
            && seen_ns > since_ns
        {
            // It was not told to go off: it has reached its limit, and something else has begun.
            probe.pace.forget();
            past.inside = probe.hits.since(seen);
            past.inside_ns = closed.closed_ns.saturating_sub(seen_ns);
            past.hits = past.inside;
        }
        probe.pace.learn(&past, &costs, cpus, f64::from(host_cpus));
        probe.was_windowed = true;
        probe.n_toggles += 1;
        let state = if can_reopen {
            (self.rest_of(index, period, look, closed))
                .unwrap_or_else(|| self.plan(index, period, look, closed))
        } else {
            State::Gone
        };
        if let Some(probe) = self.probe_mut(index) {
            probe.state = state;
        }
    }

    /// Returns the rest of a window that was cut, if there is time for it.
    fn rest_of(
        &mut self,
        index: u8,
        period: Option<Period>,
        look: Look,
        closed: Closed,
    ) -> Option<State> {
        let random = self.random();
        self.probe(index)?;
        let period = period?.rest(closed, look.now_ns, random)?;
        Some(State::Off { period })
    }

    /// Plans what comes after a window.
    fn plan(&mut self, index: u8, period: Option<Period>, look: Look, closed: Closed) -> State {
        let begin_ns = period.map_or(closed.closed_ns, |period| {
            period.resume_ns(closed.closed_ns)
        });
        let (level, cpus) = (self.level(look), self.cpus);
        let (stretch, random) = (0.5 + self.random(), self.random());
        let Some(probe) = self.probe(index) else {
            return State::Gone;
        };
        let part = level * probe.wanted();
        if probe.pace.rate() <= part * COMES_ON {
            return State::Idle { from_ns: begin_ns };
        }
        let run_ns = self.run_ns();
        let most_cost_ns = self.run_budget_ns() / LEAST_WINDOWS_PAID;
        let next = (probe.pace).next(
            part * self.pace(look),
            cpus,
            run_ns / LEAST_WINDOWS,
            most_cost_ns,
        );
        let (mut whole_ns, length_ns) = (next.period_ns * stretch, next.length_ns * stretch);
        if period.is_none() {
            let left_ns = self.left_ns(look).unwrap_or(LONG_RUN_NS as f64);
            whole_ns = whole_ns.min(left_ns * FIRST_WITHIN).max(length_ns);
        }
        State::Off {
            period: Period::place(begin_ns, whole_ns, length_ns, random),
        }
    }

    /// Returns what the probes have cost so far, in nanoseconds of the target's CPU time.
    pub fn spent_ns(&self) -> f64 {
        let cpus = self.cpus;
        let of_probe = |probe: &Probe| {
            let toggles = f64::from(probe.n_toggles) * Costs::of_toggle(probe.n_sites, cpus);
            self.terms.costs.of(probe.hits, probe.pace.apart_ns(cpus)) + toggles
        };
        self.probes.iter().map(of_probe).sum()
    }

    /// Returns the target's CPU time from one of a probe's operations to the next.
    pub fn apart_ns(&self, index: u8) -> f64 {
        let probe = self.probe(index);
        probe.map_or(f64::INFINITY, |probe| probe.pace.apart_ns(self.cpus))
    }

    /// Returns whether a probe was ever off after it had been on.
    pub fn was_windowed(&self, index: u8) -> bool {
        self.probe(index).is_some_and(|probe| probe.was_windowed)
    }

    /// Returns the CPUs that a probe takes while it is on, once that is known.
    pub fn rate(&self, index: u8) -> Option<f64> {
        let probe = self.probe(index)?;
        (probe.state != State::Unseen).then_some(probe.pace.rate())
    }

    /// Decides what to do now.
    pub fn step(&mut self, look: Look) -> Vec<Action> {
        if look.now_ns > 0 {
            self.cpus = look.cpu_ns as f64 / look.now_ns as f64;
        }
        let mut actions = Vec::new();
        self.follow(look);
        self.shed(look, &mut actions);
        self.extend(look, &mut actions);
        self.open(look, &mut actions);
        actions
    }

    /// Returns when there is something to decide again, unless something is told before; nanoseconds since the
    /// governor started.
    pub fn due_ns(&self) -> u64 {
        let due = |probe: &Probe| match probe.state {
            State::Unseen => Some(self.saved_ns.max(SETTLE_NS)),
            State::Idle { from_ns } => Some(from_ns.max(self.saved_ns)),
            State::Off { period } => Some(period.start_ns.saturating_sub(AHEAD_NS)),
            State::On { period, .. } => period.map_or_else(
                || probe.look_ns(),
                |period| Some(period.start_ns + period.length_ns + LINGER_NS),
            ),
            State::Closing | State::Gone => None,
        };
        self.probes.iter().filter_map(due).min().unwrap_or(u64::MAX)
    }

    /// Looks at the rates of what stays on.
    fn follow(&mut self, look: Look) {
        let (costs, cpus) = (self.terms.costs, self.cpus);
        let is_due = |probe: &Probe| probe.look_ns().is_some_and(|at_ns| at_ns <= look.now_ns);
        let ahead_ns = if self.probes.iter().any(is_due) {
            STEP_NS / 2
        } else {
            0
        };
        for probe in &mut self.probes {
            let is_due = is_due(probe);
            let State::On {
                seen_ns,
                seen,
                period: None,
                since_ns,
            } = &mut probe.state
            else {
                continue;
            };
            let passed_ns = look.now_ns.saturating_sub(*seen_ns);
            let is_near = seen_ns != since_ns && passed_ns + ahead_ns >= STEP_NS;
            if is_due || is_near {
                probe
                    .pace
                    .follow(passed_ns as f64, probe.hits.since(*seen), &costs, cpus);
                *seen_ns = look.now_ns;
                *seen = probe.hits;
            }
        }
    }

    /// Closes what stays on and takes more than its part.
    fn shed(&mut self, look: Look, actions: &mut Vec<Action>) {
        let level = self.level(look);
        for probe in self.probes.iter_mut().filter(|probe| probe.stays()) {
            if probe.pace.sure_rate() > level * probe.wanted() * GOES_OFF {
                probe.state = State::Closing;
                actions.push(Action::Close { probe: probe.index });
            }
        }
    }

    /// What stays on gets room until the next look, but not for a burst that nobody pays for.
    fn extend(&self, look: Look, actions: &mut Vec<Action>) {
        let burst_ns = self.burst_ns(look);
        for probe in &self.probes {
            if let State::On {
                period: None,
                seen_ns,
                since_ns,
                ..
            } = probe.state
                && seen_ns != since_ns
            {
                actions.push(Action::Extend {
                    probe: probe.index,
                    room: room(&probe.pace, burst_ns, STEP_NS as f64),
                });
            }
        }
    }

    fn open(&mut self, look: Look, actions: &mut Vec<Action>) {
        if self.terms.share <= 0.0 {
            self.saved_ns = u64::MAX;
            return;
        }
        if look.now_ns < SETTLE_NS {
            return;
        }
        self.saved_ns = u64::MAX;
        let earned = self.budget();
        let mut credit_ns = self.credit_ns(look);
        let (advance_ns, burst_ns, cpus) = (self.advance_ns(look), self.burst_ns(look), self.cpus);
        let run_ns = self.run_budget_ns();
        let window_ns = (run_ns * WINDOW_SHARE).clamp(LEAST_WINDOW_NS, MOST_WINDOW_NS);
        let mut order: Vec<usize> = (0..self.probes.len()).collect();
        order.sort_by_key(|&at| self.probes.get(at).map(Probe::waits_since_ns));
        for at in order {
            let random = self.random();
            let Some(probe) = self.probes.get_mut(at) else {
                break;
            };
            let toggles_ns = 2.0 * Costs::of_toggle(probe.n_sites, cpus);
            let (cost_ns, period, room) = match &mut probe.state {
                State::Unseen => {
                    let room = first_room(&probe.pace, run_ns);
                    (toggles_ns + cpus * WORST_LOOK_NS, None, room)
                }
                State::Idle { from_ns } if *from_ns <= look.now_ns => {
                    let room = room(&probe.pace, burst_ns, FIRST_LOOK_NS as f64);
                    (toggles_ns, None, room)
                }
                State::Off { period } if period.start_ns <= look.now_ns + AHEAD_NS => {
                    period.postpone(look.now_ns.saturating_sub(period.start_ns));
                    let length_ns = period.length_ns as f64;
                    let cost_ns = probe.pace.overhead_ns() + probe.pace.rate() * length_ns;
                    let room = room(&probe.pace, window_ns, length_ns);
                    (cost_ns, Some(*period), room)
                }
                _ => continue,
            };
            let kept_ns = if period.is_some() {
                advance_ns * KEPT_OF_ADVANCE
            } else {
                0.0
            };
            let after_ns = period.map_or(0, |period| period.start_ns.saturating_sub(look.now_ns));
            // What is earned until then pays for it, too.
            let lacking = cost_ns + kept_ns - credit_ns - earned * after_ns as f64;
            if lacking > 0.0 {
                let lacking_ns = lacking / earned;
                self.saved_ns = (look.now_ns.saturating_add(lacking_ns as u64)).min(self.saved_ns);
                match &mut probe.state {
                    // A first look is saved for: windows would take all there is again and again.
                    State::Unseen => credit_ns -= cost_ns,
                    State::Off { period } => {
                        period.postpone(RETRY_NS + (RETRY_NS as f64 * random) as u64);
                    }
                    _ => {}
                }
                continue;
            }
            credit_ns -= cost_ns;
            let slows = period.is_some() && probe.pace.slows(cpus);
            probe.turn_on(look.now_ns, period);
            actions.push(Action::Open {
                probe: probe.index,
                after_ns,
                for_ns: period.map(|period| period.length_ns),
                room,
                slows,
            });
        }
    }

    /// What may be spent now.
    fn credit_ns(&self, look: Look) -> f64 {
        self.balance_ns(look) + self.advance_ns(look)
    }

    /// What was earned and not spent so far.
    fn balance_ns(&self, look: Look) -> f64 {
        // What windows in progress have been paid for is not in the hits yet.
        let running = |probe: &Probe| match probe.state {
            State::On {
                period: Some(period),
                ..
            } => probe.pace.overhead_ns() + probe.pace.rate() * period.length_ns as f64,
            State::On { since_ns, .. } if since_ns + PENDING_NS > look.now_ns => {
                self.cpus * WORST_LOOK_NS
            }
            _ => 0.0,
        };
        let reserved: f64 = self.probes.iter().map(running).sum();
        self.terms.share * look.cpu_ns as f64 - self.spent_ns() - reserved
    }

    /// By how much more or less often than usual windows come.
    fn pace(&self, look: Look) -> f64 {
        let within_ns =
            (self.left_ns(look).unwrap_or(BALANCE_NS)).clamp(LEAST_BALANCE_NS, BALANCE_NS);
        self.part_left(look, within_ns).clamp(LEAST_PACE, MOST_PACE)
    }

    /// By how much more or less than usual may be spent within so long until what was earned is spent.
    fn part_left(&self, look: Look, within_ns: f64) -> f64 {
        1.0 + self.balance_ns(look) / (self.budget() * within_ns).max(1.0)
    }

    /// What is left of the run, where that is known.
    fn left_ns(&self, look: Look) -> Option<f64> {
        let run_ns = self.terms.run_ns?;
        Some(run_ns.saturating_sub(look.now_ns) as f64)
    }

    /// What may be spent before it is earned: at the end of a run nothing.
    fn advance_ns(&self, look: Look) -> f64 {
        let run = self.terms.run_ns.zip(self.left_ns(look));
        let left = run.map_or(1.0, |(run_ns, left_ns)| left_ns / run_ns.max(1) as f64);
        (self.run_budget_ns() * ADVANCE_SHARE).min(ADVANCE_NS) * left
    }

    /// What a probe may cost at once that becomes hot.
    fn burst_ns(&self, look: Look) -> f64 {
        (self.credit_ns(look) * BURST_SHARE).clamp(0.0, BURST_NS)
    }

    /// What the whole run earns, as far as that can be told.
    fn run_budget_ns(&self) -> f64 {
        self.budget() * self.run_ns()
    }

    /// How long the run is, or is assumed to be.
    fn run_ns(&self) -> f64 {
        self.terms.run_ns.unwrap_or(LONG_RUN_NS) as f64
    }

    /// The budget, in CPUs.
    fn budget(&self) -> f64 {
        self.terms.share * self.cpus
    }

    /// What a probe of weight 1 may take, in CPUs. What was spent too much so far, on first looks for instance, what is
    /// left of the run has to save.
    fn level(&self, look: Look) -> f64 {
        let wait_in_vain = look.now_ns as f64 > self.run_ns() * LOOKED_AT_WITHIN;
        let claims = self
            .probes
            .iter()
            .filter_map(|probe| probe.claim(wait_in_vain));
        let claims: Vec<_> = claims.collect();
        let left_ns = (self.left_ns(look).unwrap_or(LONG_RUN_NS as f64)).max(LEAST_BALANCE_NS);
        let part = self.part_left(look, left_ns).clamp(LEAST_LEVEL, 1.0);
        let budget = self.budget() * PLANNED_SHARE * part;
        fair::level(budget, &claims)
    }

    fn probe(&self, index: u8) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.index == index)
    }

    fn probe_mut(&mut self, index: u8) -> Option<&mut Probe> {
        self.probes.iter_mut().find(|probe| probe.index == index)
    }

    /// 0…1, xorshift64* (Vigna 2016).
    fn random(&mut self) -> f64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What a first look has room for, where the whole run may cost `run_ns`.
fn first_room(pace: &Pace, run_ns: f64) -> Room {
    let affordable = run_ns * FIRST_SHARE / pace.operation_ns();
    Room::of_operations((affordable as u64).clamp(LEAST_FIRST_LIMIT, FIRST_LIMIT))
}

/// What a probe which is on for `ns` has room for: a breaker, for what nobody expects.
fn room(pace: &Pace, burst_ns: f64, ns: f64) -> Room {
    let more = |each_ns: f64, per_ns: f64| (burst_ns / each_ns + ns * per_ns * ROOM) as u64;
    let Room { operations, traps } = Room::of_operations(FIRST_LIMIT);
    Room {
        operations: operations.saturating_add(more(pace.operation_ns(), pace.begun_per_ns())),
        traps: traps.saturating_add(more(pace.trap_ns(), pace.traps_per_ns())),
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod unbiased;
