//! One probe, as the governor knows it.

use super::{FIRST_LOOK_NS, Hits, Pace, STEP_NS, fair::Claim, period::Period};

/// A probe that has been seen to do so many operations in windows is no more wanted than others.
const ENOUGH_OPERATIONS: f64 = 2_000.0;
/// By how much one is more wanted that has not been seen at all.
const WANTED: f64 = 2.0;
/// By how much one is less wanted whose traps begin no operations, from so many on: that there are few is known soon.
const LEAST_USE: f64 = 0.25;
const USELESS_TRAPS: u64 = 400;
/// Operations in a trap from which none is useless.
const FULL_USE: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// Never on so far.
    Unseen,
    /// Told to come on, or on.
    On {
        since_ns: u64,
        /// When its rate was looked at last, and what it had cost by then.
        seen_ns: u64,
        seen: Hits,
        /// What its window stands for; `None`: it stays on.
        period: Option<Period>,
    },
    /// Stayed on, and was told to go off.
    Closing,
    /// Waits for its window.
    Off { period: Period },
    /// Is to stay on as soon as that can be paid for.
    Idle { from_ns: u64 },
    /// It will not come on again.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Probe {
    pub(super) index: u8,
    pub(super) n_sites: usize,
    pub(super) weight: f64,
    pub(super) state: State,
    pub(super) pace: Pace,
    pub(super) hits: Hits,
    /// What it had cost when it came on.
    pub(super) at_open: Hits,
    pub(super) was_windowed: bool,
    pub(super) n_toggles: u32,
}

impl Probe {
    pub(super) fn new(index: u8, n_sites: usize, operation_ns: f64, weight: f64) -> Self {
        Self {
            index,
            n_sites,
            weight,
            state: State::Unseen,
            pace: Pace::new(operation_ns),
            hits: Hits::default(),
            at_open: Hits::default(),
            was_windowed: false,
            n_toggles: 0,
        }
    }

    pub(super) fn stays(&self) -> bool {
        matches!(self.state, State::On { period: None, .. })
    }

    /// Returns when its rate is to be looked at, if it stays on.
    pub(super) fn look_ns(&self) -> Option<u64> {
        match self.state {
            State::On {
                since_ns,
                seen_ns,
                period: None,
                ..
            } if seen_ns == since_ns => Some(seen_ns + FIRST_LOOK_NS),
            State::On {
                seen_ns,
                period: None,
                ..
            } => Some(seen_ns + STEP_NS),
            _ => None,
        }
    }

    /// What it asks of the budget: nothing until something is known of it, unless it waits for that in vain; then it asks
    /// for its part.
    pub(super) fn claim(&self, waits_in_vain: bool) -> Option<Claim> {
        let rate = match self.state {
            State::Unseen if waits_in_vain => f64::INFINITY,
            State::Unseen | State::Gone => return None,
            _ => self.pace.rate(),
        };
        Some(Claim {
            rate,
            weight: self.wanted(),
        })
    }

    /// How much more of it is wanted: the less is known of it, the more.
    pub(super) fn wanted(&self) -> f64 {
        let (begun, traps) = (self.hits.begun as f64, self.hits.traps() as f64);
        let unknown = ENOUGH_OPERATIONS / (ENOUGH_OPERATIONS + begun.max(traps / 2.0));
        let use_of_traps = if self.hits.traps() < USELESS_TRAPS {
            1.0
        } else {
            (begun / traps / FULL_USE).clamp(LEAST_USE, 1.0)
        };
        self.weight * (1.0 + (WANTED - 1.0) * unknown) * use_of_traps
    }

    /// Returns since when it waits to come on: who waits longest comes first, and first looks before that.
    pub(super) fn waits_since_ns(&self) -> u64 {
        match self.state {
            State::Unseen => 0,
            State::Idle { from_ns } => from_ns,
            State::Off { period } => period.begin_ns,
            State::On { .. } | State::Closing | State::Gone => u64::MAX,
        }
    }

    pub(super) fn turn_on(&mut self, now_ns: u64, period: Option<Period>) {
        self.at_open = self.hits;
        self.n_toggles += 1;
        self.state = State::On {
            since_ns: now_ns,
            seen_ns: now_ns,
            seen: self.hits,
            period,
        };
    }
}
