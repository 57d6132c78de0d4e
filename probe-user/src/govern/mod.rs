//! The budget in, decisions out: which probes are on, which in windows, and when.
//!
//! Pure: knows neither clock nor kernel. What a probe costs is not known before it was on, so it is
//! approached from below: a first window with room for few operations. If those don't come in a while, the
//! probe stays on. Whatever costs little stays on all the time; what costs too much is on in short windows of
//! random length, at random times, as often as the budget allows.
//! Nothing begins unless it is paid for by what the target has used so far.

mod costs;
mod pace;

pub use costs::{Costs, Hits};
pub use pace::{Next, Pace, Past};

/// Operations that the first window of a probe has room for.
const FIRST_LIMIT: u64 = 200;
/// How long a probe is on before its rate is believed.
const FIRST_LOOK_NS: u64 = 30_000_000;
/// A target that has only been looked at so long has not shown what it uses.
const SETTLE_NS: u64 = 40_000_000;
/// Part of the budget that probes may take that are always on, so that the others get windows.
pub(crate) const STEADY_SHARE: f64 = 0.6;
/// What may be spent in advance: an idle target earns next to nothing, and looking at it costs as much.
const ADVANCE_NS: f64 = 2e6;
/// How long a first look at a hot probe may last at most, for what it may cost.
const WORST_LOOK_NS: f64 = 3e6;
/// How long it takes until a first look at a hot probe has shown what it costs.
const PENDING_NS: u64 = 15_000_000;
/// How long a probe waits that could not be paid for.
const RETRY_NS: u64 = 20_000_000;
/// How often the rates of probes that stay on are looked at.
const STEP_NS: u64 = 100_000_000;
/// A probe that stays on may suddenly become hot: what it may cost until the next look.
const BURST_NS: f64 = 5e6;
/// Windows have room for so many times the operations that are expected.
const ROOM: f64 = 2.0;

/// What to do with a probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Open {
        probe: u8,
        /// `None`: until it is closed.
        for_ns: Option<u64>,
        limit: u64,
    },
    Close {
        probe: u8,
    },
    /// Lets a probe that is on count so many more operations.
    Extend {
        probe: u8,
        limit: u64,
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

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    /// Never on so far.
    Unseen,
    /// Told to come on, or on.
    On {
        since_ns: u64,
        /// When its rate was looked at last, and what it had cost by then.
        seen_ns: u64,
        seen: Hits,
        stays: bool,
    },
    /// Told to go off.
    Closing,
    Off {
        until_ns: u64,
    },
    /// It will not come on again.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Probe {
    index: u8,
    n_sites: usize,
    state: State,
    pace: Pace,
    hits: Hits,
    /// What it had cost when it came on.
    at_open: Hits,
    was_windowed: bool,
    n_toggles: u32,
}

/// Keeps to the budget.
#[derive(Debug)]
pub struct Governor {
    share: f64,
    costs: Costs,
    can_reopen: bool,
    probes: Vec<Probe>,
    host_cpus: f64,
    cpus: f64,
    random: u64,
}

impl Governor {
    /// `share`: of the target's CPU time, 0…1. `can_reopen`: probes come on and go off quickly here; where
    /// they don't, what is too hot is dropped. `host_cpus`: more than these no program takes. `seed`: for what is
    /// random.
    pub fn new(share: f64, costs: Costs, can_reopen: bool, host_cpus: u32, seed: u64) -> Self {
        Self {
            share,
            host_cpus: f64::from(host_cpus),
            costs,
            can_reopen,
            probes: Vec::new(),
            cpus: 0.0,
            random: seed | 1,
        }
    }

    /// Adds a probe that is to be on: with so many sites, and what an operation is expected to cost.
    pub fn add(&mut self, index: u8, n_sites: usize, operation_ns: f64) {
        self.probes.push(Probe {
            index,
            n_sites,
            state: State::Unseen,
            pace: Pace::new(operation_ns),
            hits: Hits::default(),
            at_open: Hits::default(),
            was_windowed: false,
            n_toggles: 0,
        });
    }

    /// Takes note that a probe was on before the governor began, from `now_ns` on.
    pub fn is_on(&mut self, index: u8, now_ns: u64) {
        if let Some(probe) = self.probe(index) {
            probe.turn_on(now_ns, true);
        }
    }

    /// Takes note that a probe could not be attached.
    pub fn refused(&mut self, index: u8) {
        if let Some(probe) = self.probe(index) {
            probe.state = State::Gone;
        }
    }

    /// Takes over what the hits of a probe are by now.
    pub fn count(&mut self, index: u8, hits: Hits) {
        if let Some(probe) = self.probe(index) {
            probe.hits = hits;
        }
    }

    /// Takes note that a probe is off; its hits were counted before.
    pub fn closed(&mut self, index: u8, look: Look, open_ns: u64) {
        let (costs, cpus, can_reopen) = (self.costs, self.cpus, self.can_reopen);
        let host_cpus = self.host_cpus;
        let (allowed, steady_left) = (self.allowed_for_windows(), self.steady_left());
        let random = self.random();
        let Some(probe) = self.probe(index) else {
            return;
        };
        let past = Past {
            open_ns,
            hits: probe.hits.since(probe.at_open),
            toggles_ns: 2.0 * Costs::of_toggle(probe.n_sites, cpus),
        };
        probe.pace.learn(&past, &costs, host_cpus);
        probe.was_windowed = true;
        probe.n_toggles += 1;
        let pause_ns = if probe.pace.rate > steady_left {
            probe.pace.next(allowed, cpus).pause_ns
        } else {
            0.0
        };
        probe.state = if can_reopen {
            State::Off {
                until_ns: look.now_ns + (pause_ns * (0.5 + random)) as u64,
            }
        } else {
            State::Gone
        };
    }

    /// Returns what the probes have cost so far, in nanoseconds of the target's CPU time.
    pub fn spent_ns(&self) -> f64 {
        let cpus = self.cpus;
        let of_probe = |probe: &Probe| {
            let toggles = f64::from(probe.n_toggles) * Costs::of_toggle(probe.n_sites, cpus);
            self.costs.of(probe.hits) + toggles
        };
        self.probes.iter().map(of_probe).sum()
    }

    /// Returns whether a probe was ever off after it had been on.
    pub fn was_windowed(&self, index: u8) -> bool {
        let probe = self.probes.iter().find(|probe| probe.index == index);
        probe.is_some_and(|probe| probe.was_windowed)
    }

    /// Returns the CPUs that a probe takes while it is on, once that is known.
    pub fn rate(&self, index: u8) -> Option<f64> {
        let probe = self.probes.iter().find(|probe| probe.index == index)?;
        (probe.state != State::Unseen).then_some(probe.pace.rate)
    }

    /// Decides what to do now.
    pub fn step(&mut self, look: Look) -> Vec<Action> {
        if look.now_ns > 0 {
            self.cpus = look.cpu_ns as f64 / look.now_ns as f64;
        }
        let mut actions = Vec::new();
        self.follow(look);
        self.shed(&mut actions);
        self.extend(look, &mut actions);
        self.open(look, &mut actions);
        actions
    }

    /// Looks at the rates of what stays on.
    fn follow(&mut self, look: Look) {
        let costs = self.costs;
        for probe in &mut self.probes {
            let State::On {
                seen_ns,
                seen,
                stays: true,
                since_ns,
            } = &mut probe.state
            else {
                continue;
            };
            let passed_ns = look.now_ns.saturating_sub(*seen_ns);
            let wanted_ns = if seen_ns == since_ns {
                FIRST_LOOK_NS
            } else {
                STEP_NS
            };
            if passed_ns >= wanted_ns {
                probe
                    .pace
                    .follow(passed_ns as f64, probe.hits.since(*seen), &costs);
                *seen_ns = look.now_ns;
                *seen = probe.hits;
            }
        }
    }

    /// Closes the costliest of what stays on until the rest can.
    fn shed(&mut self, actions: &mut Vec<Action>) {
        let allowed = self.budget() * STEADY_SHARE;
        let is_steady = |probe: &Probe| matches!(probe.state, State::On { stays: true, .. });
        let mut sum: f64 = (self.probes.iter().filter(|probe| is_steady(probe)))
            .map(|probe| probe.pace.rate)
            .sum();
        // What costs less than its share of the advance is not worth a second thought.
        let least = ADVANCE_NS / 30e9;
        while sum > allowed.max(least) {
            let steady = self.probes.iter_mut().filter(|probe| is_steady(probe));
            let costliest = steady.max_by(|a, b| a.pace.rate.total_cmp(&b.pace.rate));
            let Some(probe) = costliest.filter(|probe| probe.pace.rate > 0.0) else {
                break;
            };
            sum -= probe.pace.rate;
            probe.state = State::Closing;
            actions.push(Action::Close { probe: probe.index });
        }
    }

    /// What stays on gets room until the next look, but not for a burst that nobody pays for.
    fn extend(&self, look: Look, actions: &mut Vec<Action>) {
        let credit_ns = self.credit_ns(look).max(0.0);
        for probe in &self.probes {
            if let State::On {
                stays: true,
                seen_ns,
                since_ns,
                ..
            } = probe.state
                && seen_ns != since_ns
            {
                let burst_ns = BURST_NS.min(credit_ns).max(ADVANCE_NS);
                let operations = burst_ns / probe.pace.operation_ns();
                let expected = probe.pace.begun_per_ns * STEP_NS as f64 * ROOM;
                actions.push(Action::Extend {
                    probe: probe.index,
                    limit: (operations + expected) as u64,
                });
            }
        }
    }

    fn open(&mut self, look: Look, actions: &mut Vec<Action>) {
        if look.now_ns < SETTLE_NS || self.share <= 0.0 {
            return;
        }
        let mut credit_ns = self.credit_ns(look);
        let allowed = self.allowed_for_windows();
        let steady_left = self.steady_left();
        let cpus = self.cpus;
        for at in 0..self.probes.len() {
            let random = self.random();
            let Some(probe) = self.probes.get_mut(at) else {
                break;
            };
            let toggles_ns = 2.0 * Costs::of_toggle(probe.n_sites, cpus);
            let (cost_ns, for_ns, limit) = match probe.state {
                State::Unseen => (toggles_ns + cpus * WORST_LOOK_NS, None, FIRST_LIMIT),
                State::Off { until_ns } if until_ns > look.now_ns => continue,
                State::Off { .. } if probe.pace.rate <= steady_left => {
                    (toggles_ns, None, probe.room_for(FIRST_LOOK_NS as f64))
                }
                State::Off { .. } => {
                    let next = probe.pace.next(allowed, cpus);
                    let length_ns = next.length_ns * (0.5 + random);
                    let limit = probe.room_for(length_ns);
                    (next.cost_ns, Some(length_ns as u64), limit)
                }
                _ => continue,
            };
            if cost_ns > credit_ns {
                if let State::Off { until_ns } = &mut probe.state {
                    *until_ns = look.now_ns + RETRY_NS;
                }
                continue;
            }
            credit_ns -= cost_ns;
            probe.turn_on(look.now_ns, for_ns.is_none());
            actions.push(Action::Open {
                probe: probe.index,
                for_ns,
                limit,
            });
        }
    }

    /// What may be spent now.
    fn credit_ns(&self, look: Look) -> f64 {
        // What windows in progress have been paid for is not in the hits yet.
        let running = |probe: &Probe| match probe.state {
            State::On { stays: false, .. } => probe.pace.overhead_ns,
            State::On { since_ns, .. } if since_ns + PENDING_NS > look.now_ns => {
                self.cpus * WORST_LOOK_NS
            }
            _ => 0.0,
        };
        let reserved: f64 = self.probes.iter().map(running).sum();
        self.share * look.cpu_ns as f64 + ADVANCE_NS - self.spent_ns() - reserved
    }

    /// The budget, in CPUs.
    fn budget(&self) -> f64 {
        self.share * self.cpus
    }

    /// What more may be always on, in CPUs; a little less than leads to shedding, lest it comes and goes.
    fn steady_left(&self) -> f64 {
        (self.budget() * STEADY_SHARE * 0.9 - self.steady_rate()).max(0.0)
    }

    fn steady_rate(&self) -> f64 {
        let steady = self
            .probes
            .iter()
            .filter(|probe| matches!(probe.state, State::On { stays: true, .. }));
        steady.map(|probe| probe.pace.rate).sum()
    }

    /// What a probe with windows may take on average, in CPUs.
    fn allowed_for_windows(&self) -> f64 {
        let n = self.probes.iter().filter(|probe| {
            matches!(
                probe.state,
                State::Off { .. } | State::Closing | State::On { stays: false, .. }
            )
        });
        (self.budget() - self.steady_rate()).max(0.0) / n.count().max(1) as f64
    }

    fn probe(&mut self, index: u8) -> Option<&mut Probe> {
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

impl Probe {
    /// Operations that a window of this length has room for.
    fn room_for(&self, length_ns: f64) -> u64 {
        FIRST_LIMIT.saturating_add((length_ns * self.pace.begun_per_ns * ROOM) as u64)
    }

    fn turn_on(&mut self, now_ns: u64, stays: bool) {
        self.at_open = self.hits;
        self.n_toggles += 1;
        self.state = State::On {
            since_ns: now_ns,
            seen_ns: now_ns,
            seen: self.hits,
            stays,
        };
    }
}

#[cfg(test)]
mod tests;
