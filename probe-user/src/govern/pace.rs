//! What is learned of a probe, and how its windows follow from it.

use super::{Costs, Hits};

/// Windows of one probe come about this often.
const PERIOD_NS: f64 = 500e6;
/// Fewer operations say nothing, and a shorter window is all overhead.
const MIN_OPERATIONS: f64 = 100.0;
const MIN_LENGTH_NS: f64 = 1e6;
/// The longest window of a probe that slows its target down, and of any other.
const MAX_HOT_NS: f64 = 10e6;
const MAX_LENGTH_NS: f64 = 1e9;
/// From this share of the target's time on a probe slows it down.
const HOT_SHARE: f64 = 0.2;
/// The largest part of the time that windows take.
const MAX_DUTY: f64 = 0.8;
/// CPUs below which nothing is worth counting.
const LEAST_ALLOWED: f64 = 1e-6;
/// Weight of the latest window in what is remembered.
const LATEST: f64 = 0.4;

/// A window, as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// How long operations were counted.
    pub open_ns: u64,
    /// Everything that it cost: hits while it came on and went off among them.
    pub hits: Hits,
    /// What coming on and going off costs by itself.
    pub toggles_ns: f64,
}

/// What windows of a probe cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Cost of an operation, learned downwards: hits outside of the window's time only add.
    operation_ns: f64,
    /// CPUs that the probe takes while it is on.
    pub rate: f64,
    /// Operations in a nanosecond of an open window.
    pub begun_per_ns: f64,
    /// Cost of a window beyond the time that it is open.
    pub overhead_ns: f64,
    n_windows: u32,
}

/// A window to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Next {
    pub length_ns: f64,
    pub pause_ns: f64,
    pub cost_ns: f64,
}

impl Pace {
    /// `operation_ns`: what an operation is expected to cost.
    pub fn new(operation_ns: f64) -> Self {
        Self {
            operation_ns,
            rate: 0.0,
            begun_per_ns: 0.0,
            overhead_ns: 0.0,
            n_windows: 0,
        }
    }

    /// Returns what an operation costs.
    pub fn operation_ns(&self) -> f64 {
        self.operation_ns.max(1.0)
    }

    /// Learns from a window that is over, on a host with so many CPUs: no probe takes more than them.
    pub fn learn(&mut self, past: &Past, costs: &Costs, host_cpus: f64) {
        let total_ns = costs.of(past.hits) + past.toggles_ns;
        let begun = past.hits.begun as f64;
        if begun >= MIN_OPERATIONS / 2.0 {
            let each_ns = costs.of(past.hits) / begun;
            self.operation_ns = if self.n_windows == 0 {
                each_ns
            } else {
                self.operation_ns.min(each_ns)
            };
        }
        let inside_ns = begun * self.operation_ns;
        let open_ns = (past.open_ns as f64).max(inside_ns / host_cpus).max(1.0);
        self.remember(
            inside_ns / open_ns,
            begun / open_ns,
            (total_ns - inside_ns).max(0.0),
        );
    }

    /// Learns from a time that the probe was on without interruption.
    pub fn follow(&mut self, ns: f64, hits: Hits, costs: &Costs) {
        let overhead_ns = self.overhead_ns;
        self.remember(costs.of(hits) / ns, hits.begun as f64 / ns, overhead_ns);
    }

    fn remember(&mut self, rate: f64, begun_per_ns: f64, overhead_ns: f64) {
        let weight = if self.n_windows == 0 { 1.0 } else { LATEST };
        let mix = |old: f64, new: f64| old + (new - old) * weight;
        self.rate = mix(self.rate, rate);
        self.begun_per_ns = mix(self.begun_per_ns, begun_per_ns);
        self.overhead_ns = mix(self.overhead_ns, overhead_ns);
        self.n_windows = self.n_windows.saturating_add(1);
    }

    /// Returns the windows that keep to `allowed` CPUs on average, for a target that takes `cpus`.
    pub fn next(&self, allowed: f64, cpus: f64) -> Next {
        // Windows without a pause in between are none.
        let allowed = allowed.min(self.rate * MAX_DUTY).max(LEAST_ALLOWED);
        let longest = if self.rate > cpus * HOT_SHARE {
            MAX_HOT_NS
        } else {
            MAX_LENGTH_NS
        };
        let enough = if self.begun_per_ns > 0.0 {
            MIN_OPERATIONS / self.begun_per_ns
        } else {
            MIN_LENGTH_NS
        };
        let affordable = (allowed * PERIOD_NS - self.overhead_ns) / self.rate.max(LEAST_ALLOWED);
        let length_ns = affordable.max(enough.max(MIN_LENGTH_NS)).min(longest);
        let cost_ns = self.overhead_ns + self.rate * length_ns;
        Next {
            length_ns,
            pause_ns: (cost_ns / allowed - length_ns).max(MIN_LENGTH_NS),
            cost_ns,
        }
    }
}
