//! Hits in, nanoseconds of the target's CPU time out.

use crate::{
    observed::Calibration,
    report::{Site, SiteCost, SiteKind},
};

/// What is assumed where nothing could be measured: a slow virtual machine.
const ASSUMED_EMULATED_NS: f64 = 1_000.0;
const ASSUMED_STEPPED_NS: f64 = 12_000.0;
const ASSUMED_OPERATION_NS: f64 = 1_000.0;
const ASSUMED_EVENT_NS: f64 = 600.0;
const ASSUMED_COLD_NS: f64 = 2_000.0;
const ASSUMED_TICK_NS: f64 = 5_000.0;

/// How soon other work of the target displaces what the probes have in the caches. With it, prices are within a quarter of
/// what was lost on Linux 6.18 with one probe always on: `tests/targets/flatout`, sends 2 and 10 µs apart, and
/// `tests/targets/web`, sends 5, goroutines 14 and parks 16 µs apart.
const COOLS_NS: f64 = 24_000.0;

/// What arming or restoring one site costs the threads of the target: an interrupt to every CPU that it runs on, a
/// page fault on the page that was copied, and translations of addresses that have to be found again. Programs that are
/// flat out lost 10 to 25 µs on Linux 6.18 when sites were armed and restored that nothing passed.
const TOGGLE_NS: f64 = 18_000.0;

/// Hits, by what they cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Operations begun and counted.
    pub begun: u64,
    /// Traps at emulated sites, counted or not.
    pub emulated: u64,
    pub stepped: u64,
    /// Ticks of the fine clock, which are not hits but interrupt the target all the same.
    pub ticks: u64,
}

impl Hits {
    /// Returns how often the target was interrupted.
    #[must_use]
    pub const fn traps(self) -> u64 {
        self.emulated.saturating_add(self.stepped)
    }

    /// Returns the CPU time from one operation to the next of a target that used `cpu_ns` meanwhile.
    #[must_use]
    pub fn apart_ns(self, cpu_ns: f64) -> f64 {
        cpu_ns / self.begun.max(1) as f64
    }

    /// Returns what came in since `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            begun: self.begun.saturating_sub(earlier.begun),
            emulated: self.emulated.saturating_sub(earlier.emulated),
            stepped: self.stepped.saturating_sub(earlier.stepped),
            ticks: self.ticks.saturating_sub(earlier.ticks),
        }
    }
}

/// Prices, in nanoseconds of the target's CPU time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    pub emulated_ns: f64,
    pub stepped_ns: f64,
    /// What the programs do for an operation beyond returning at once.
    pub operation_ns: f64,
    /// The same for one without an end, which is counted and not timed.
    pub event_ns: f64,
    /// What comes on top with cold caches.
    pub cold_operation_ns: f64,
    pub cold_event_ns: f64,
    /// A tick of a clock, with what the sampling programs do at it.
    pub tick_ns: f64,
}

impl Costs {
    /// The prices of this host, or cautious ones where they are not known.
    pub fn new(found: Option<&Calibration>) -> Self {
        found.map_or(
            Self {
                emulated_ns: ASSUMED_EMULATED_NS,
                stepped_ns: ASSUMED_STEPPED_NS,
                operation_ns: ASSUMED_OPERATION_NS,
                event_ns: ASSUMED_EVENT_NS,
                cold_operation_ns: ASSUMED_COLD_NS,
                cold_event_ns: ASSUMED_COLD_NS,
                tick_ns: ASSUMED_TICK_NS,
            },
            |found| Self {
                emulated_ns: found.emulated_ns,
                stepped_ns: found.stepped_ns,
                operation_ns: found.operation_ns,
                event_ns: found.event_ns,
                cold_operation_ns: found.cold_operation_ns,
                cold_event_ns: found.cold_event_ns,
                tick_ns: found.tick_ns,
            },
        )
    }

    /// Returns what hits cost. Operations that have an end are known by its trap.
    ///
    /// `apart_ns`: CPU time of the target from one operation to the next. The more there is, the less of the kernel's
    /// and the programs' code and data is left in the caches.
    pub fn of(&self, hits: Hits, apart_ns: f64) -> f64 {
        let timed = hits.traps().saturating_sub(hits.begun).min(hits.begun);
        let events = hits.begun - timed;
        // Those of a closed gate come in pairs, too.
        let closed = hits.traps().saturating_sub(2 * timed + events) / 2;
        let cold =
            timed as f64 * self.cold_operation_ns + (events + closed) as f64 * self.cold_event_ns;
        hits.emulated as f64 * self.emulated_ns
            + hits.stepped as f64 * self.stepped_ns
            + timed as f64 * self.operation_ns
            + events as f64 * self.event_ns
            + hits.ticks as f64 * self.tick_ns
            + cold * (1.0 - (-apart_ns / COOLS_NS).exp())
    }

    /// Returns the part of a CPU that CPU samples take, so many a second.
    pub fn of_samples(&self, hertz: u32) -> f64 {
        f64::from(hertz) * self.tick_ns / 1e9
    }

    /// Returns what arming `n_sites`, or restoring them, costs a target that runs on `cpus` CPUs on average.
    pub fn of_toggle(n_sites: usize, cpus: f64) -> f64 {
        n_sites as f64 * TOGGLE_NS * cpus
    }

    /// Returns what one operation is expected to cost at most that passes the cheapest of the sites where it can
    /// begin, and the cheapest where it can end.
    pub fn of_operation(&self, sites: &[Site]) -> f64 {
        let cheapest = |kind: SiteKind| {
            let of_kind = sites.iter().filter(|site| site.kind == kind);
            of_kind
                .map(|site| match site.cost {
                    SiteCost::Emulated => self.emulated_ns,
                    SiteCost::Stepped => self.stepped_ns,
                })
                .fold(f64::INFINITY, f64::min)
        };
        let known = |ns: f64| if ns.is_finite() { ns } else { 0.0 };
        let exit = cheapest(SiteKind::Exit);
        let programs_ns = if exit.is_finite() {
            self.operation_ns + self.cold_operation_ns
        } else {
            self.event_ns + self.cold_event_ns
        };
        known(cheapest(SiteKind::Entry)) + known(exit) + programs_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs {
        emulated_ns: 600.0,
        stepped_ns: 10_000.0,
        operation_ns: 900.0,
        event_ns: 400.0,
        cold_operation_ns: 3_000.0,
        cold_event_ns: 2_000.0,
        tick_ns: 3_000.0,
    };
    const COUNTED: Hits = Hits {
        begun: 100,
        emulated: 100,
        stepped: 0,
        ticks: 0,
    };
    const TIMED: Hits = Hits {
        emulated: 200,
        ..COUNTED
    };
    const CLOSED: Hits = Hits { begun: 0, ..TIMED };

    #[test]
    fn what_is_only_counted_costs_no_end() {
        assert!((COSTS.of(COUNTED, 0.0) - 100.0 * 1_000.0).abs() < 1e-6);
        assert!((COSTS.of(TIMED, 0.0) - 100.0 * 2_100.0).abs() < 1e-6);
        assert!((COSTS.of(CLOSED, 0.0) - 200.0 * 600.0).abs() < 1e-6);
    }

    #[test]
    fn what_comes_seldom_costs_more() {
        let cold = |hits| COSTS.of(hits, f64::INFINITY) - COSTS.of(hits, 0.0);
        assert!((cold(COUNTED) - 100.0 * 2_000.0).abs() < 1e-6);
        assert!((cold(TIMED) - 100.0 * 3_000.0).abs() < 1e-6);
        assert!((cold(CLOSED) - 100.0 * 2_000.0).abs() < 1e-6);
        let dense = COSTS.of(TIMED, COOLS_NS / 100.0) - COSTS.of(TIMED, 0.0);
        assert!(dense < 0.02 * cold(TIMED));
    }
}
