//! What is learned of a probe, and how its windows follow from it.

use super::{Costs, Hits};

/// Windows of one probe come about this often: in short runs, and in long ones, where rtprobe's own work at each counts
/// for more than how soon the next one comes. Where they would be short, they come less often yet.
const SHORT_PERIOD_NS: f64 = 500e6;
const PERIOD_NS: f64 = 1e9;
const LONG_PERIOD_NS: f64 = 2e9;
/// Windows of so long say more than short ones of as long together: programs work in bursts, on ticks and on requests,
/// and a window that holds as many bursts as the next one tells how often they come.
const EVEN_NS: f64 = 20e6;
/// Operations that a window has room for: at least, and where it costs more to come on and go off than to be on.
const MIN_OPERATIONS: f64 = 8.0;
const WORTHWHILE_OPERATIONS: f64 = 100.0;
/// Traps that say enough, however few of them begin an operation.
const ENOUGH_TRAPS: f64 = 1_000.0;
pub(super) const MIN_LENGTH_NS: f64 = 0.3e6;
/// The longest window of a probe that slows its target down, and of any other.
const MAX_HOT_NS: f64 = 10e6;
const MAX_LENGTH_NS: f64 = 1e9;
/// From this share of the target's time on a probe slows it down.
const HOT_SHARE: f64 = 0.2;
/// A target that uses fewer CPUs is seldom found on one.
const LEAST_CPUS: f64 = 0.05;
/// The largest part of the time that windows take.
const MAX_DUTY: f64 = 0.8;
/// CPUs below which nothing is worth counting.
const LEAST_ALLOWED: f64 = 1e-6;
/// What is kept of everything before, each time that something is learned: of what tells little for longer.
const KEPT: f64 = 0.85;
const TELLING_TRAPS: f64 = 40.0;
const LONGEST_MEMORY_NS: f64 = 10e9;

/// A window, as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// How long its gate was open, and what came meanwhile, whether there was room for it or not.
    pub inside_ns: u64,
    pub inside: Hits,
    /// Everything that it cost: hits while it came on and went off among them.
    pub hits: Hits,
    /// What coming on and going off costs by itself.
    pub toggles_ns: f64,
}

/// What windows of a probe cost.
///
/// Rates are ratios of sums, so that a program that works in bursts is as fast as it is on average, and not as
/// fast as the mean of what each window saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// What an operation is expected to cost.
    operation_ns: f64,
    /// Sums over what is remembered: time that the probe was on, what it cost in it, operations, and traps, some of
    /// which are of no operation.
    on_ns: f64,
    cost_ns: f64,
    begun: f64,
    traps: f64,
    /// Cost of a window beyond the time that it is open.
    overhead_ns: f64,
    n_windows: u32,
}

/// A window to be, and the period that it is in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Next {
    pub length_ns: f64,
    pub period_ns: f64,
    pub cost_ns: f64,
}

impl Pace {
    /// `operation_ns`: what an operation is expected to cost.
    pub fn new(operation_ns: f64) -> Self {
        Self {
            operation_ns,
            on_ns: 0.0,
            cost_ns: 0.0,
            begun: 0.0,
            traps: 0.0,
            overhead_ns: 0.0,
            n_windows: 0,
        }
    }

    /// Returns what an operation costs.
    pub fn operation_ns(&self) -> f64 {
        let known =
            self.begun >= WORTHWHILE_OPERATIONS / 2.0 || self.traps >= 4.0 * WORTHWHILE_OPERATIONS;
        let each_ns = if known {
            self.cost_ns / self.begun.max(1.0)
        } else {
            self.operation_ns
        };
        each_ns.max(1.0)
    }

    /// Returns the CPUs that the probe takes while it is on.
    pub fn rate(&self) -> f64 {
        self.cost_ns / self.on_ns.max(1.0)
    }

    /// Returns whether it slows down a target that takes `cpus`.
    pub fn is_hot(&self, cpus: f64) -> bool {
        self.rate() > cpus * HOT_SHARE
    }

    /// Returns whether it can be found out by how much it slows the target down.
    pub fn slows(&self, cpus: f64) -> bool {
        self.is_hot(cpus) && cpus > LEAST_CPUS
    }

    /// Returns the CPUs that it takes at least, as sure as the number of traps allows, two for an operation.
    pub fn sure_rate(&self) -> f64 {
        let error = 2.0 / (self.traps / 2.0 + 1.0).sqrt();
        self.rate() * (1.0 - error).max(0.0)
    }

    /// Returns the operations in a nanosecond of an open window.
    pub fn begun_per_ns(&self) -> f64 {
        self.begun / self.on_ns.max(1.0)
    }

    /// Returns what a trap costs, with what is done at it.
    pub fn trap_ns(&self) -> f64 {
        if self.traps < TELLING_TRAPS {
            return self.operation_ns / 2.0;
        }
        (self.cost_ns / self.traps).max(1.0)
    }

    /// Returns the traps in a nanosecond of an open window.
    pub fn traps_per_ns(&self) -> f64 {
        self.traps / self.on_ns.max(1.0)
    }

    /// Returns the CPU time from one operation to the next of a target that takes `cpus`.
    pub fn apart_ns(&self, cpus: f64) -> f64 {
        cpus / self.begun_per_ns().max(f64::MIN_POSITIVE)
    }

    /// Returns what a window costs beyond the time that it is open.
    pub fn overhead_ns(&self) -> f64 {
        self.overhead_ns
    }

    /// Learns from a window of a target that takes `cpus`, on a host with so many: no probe takes more than them.
    pub fn learn(&mut self, past: &Past, costs: &Costs, cpus: f64, host_cpus: f64) {
        let apart_ns = past.inside.apart_ns(cpus * past.inside_ns as f64);
        let inside_ns = costs.of(past.inside, apart_ns);
        let open_ns = (past.inside_ns as f64).max(inside_ns / host_cpus).max(1.0);
        let overhead_ns = (costs.of(past.hits, apart_ns) + past.toggles_ns - inside_ns).max(0.0);
        let weight = if self.n_windows == 0 { 1.0 } else { 1.0 - KEPT };
        self.overhead_ns += (overhead_ns - self.overhead_ns) * weight;
        self.n_windows = self.n_windows.saturating_add(1);
        self.remember(open_ns, inside_ns, past.inside);
    }

    /// Learns from a time that the probe was on without interruption.
    pub fn follow(&mut self, ns: f64, hits: Hits, costs: &Costs, cpus: f64) {
        self.remember(ns, costs.of(hits, hits.apart_ns(cpus * ns)), hits);
    }

    /// Forgets how fast it was: something else has begun.
    pub fn forget(&mut self) {
        (self.on_ns, self.cost_ns, self.begun, self.traps) = (0.0, 0.0, 0.0, 0.0);
    }

    fn remember(&mut self, on_ns: f64, cost_ns: f64, hits: Hits) {
        let kept = if self.traps < TELLING_TRAPS {
            (LONGEST_MEMORY_NS / self.on_ns.max(1.0)).min(1.0)
        } else {
            KEPT
        };
        self.on_ns = self.on_ns * kept + on_ns;
        self.cost_ns = self.cost_ns * kept + cost_ns;
        self.begun = self.begun * kept + hits.begun as f64;
        self.traps = self.traps * kept + hits.traps() as f64;
    }

    /// Returns the windows that keep to `allowed` CPUs on average, for a target that takes `cpus`; they come
    /// at least each `most_ns`, if that can be paid for, and cost no more than `most_cost_ns` if that is enough.
    pub fn next(&self, allowed: f64, cpus: f64, most_ns: f64, most_cost_ns: f64) -> Next {
        let rate = self.rate();
        // Windows without a pause in between are none.
        let allowed = allowed.min(rate * MAX_DUTY).max(LEAST_ALLOWED);
        let longest = if self.is_hot(cpus) {
            MAX_HOT_NS
        } else {
            MAX_LENGTH_NS
        };
        let even_ns = (self.overhead_ns + rate * EVEN_NS.min(longest)) / allowed;
        let usual_ns = most_ns.clamp(SHORT_PERIOD_NS, PERIOD_NS);
        let period_ns = even_ns.clamp(usual_ns, most_ns.clamp(usual_ns, LONG_PERIOD_NS));
        let most_cost_ns = (allowed * period_ns).min(most_cost_ns);
        let affordable = (most_cost_ns - self.overhead_ns) / rate.max(LEAST_ALLOWED);
        let length_ns = affordable.max(self.enough_ns()).min(longest);
        let cost_ns = self.overhead_ns + rate * length_ns;
        Next {
            length_ns,
            period_ns: (cost_ns / allowed).max(length_ns + MIN_LENGTH_NS),
            cost_ns,
        }
    }

    /// Returns how long a window has to be at least to say something.
    pub fn enough_ns(&self) -> f64 {
        let worthwhile_ns = self.overhead_ns / self.rate().max(LEAST_ALLOWED);
        let lasts = |operations: f64| operations / self.begun_per_ns().max(1e-12);
        worthwhile_ns
            .min(lasts(WORTHWHILE_OPERATIONS))
            .max(lasts(MIN_OPERATIONS))
            .min(ENOUGH_TRAPS / self.traps_per_ns().max(1e-12))
            .clamp(MIN_LENGTH_NS, MAX_LENGTH_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::COSTS, *};

    #[test]
    fn a_window_costs_no_more_than_it_may() {
        let mut pace = Pace::new(1_700.0);
        let inside = Hits {
            begun: 200,
            emulated: 400,
            ..Hits::default()
        };
        let look = Past {
            inside_ns: 3_000_000,
            inside,
            hits: inside,
            toggles_ns: 500_000.0,
        };
        pace.learn(&look, &COSTS, 1.0, 2.0);
        let [alone, bounded] = [1e9, 2e6].map(|most_ns| pace.next(0.02, 1.0, 5e8, most_ns));
        assert!(alone.cost_ns > 5e6, "{alone:?}");
        assert!((bounded.cost_ns - 2e6).abs() < 1.0, "{bounded:?}");
        // They come the more often for that.
        let share = |next: Next| next.cost_ns / next.period_ns;
        assert!((share(alone) / share(bounded) - 1.0).abs() < 1e-6);
    }
}
