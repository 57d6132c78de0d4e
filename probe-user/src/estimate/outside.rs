//! How many operations there were, by how long the program ran outside of the runtime and of the kernel.
//!
//! That time is the program's own: a probe does not make it longer, however much it slows down the operations in
//! between, and waits that come of that don't count. Windows tell how many operations there are in it
//! (`attach::ticks`), CPU samples of the whole run how long it was. Of bursts that the probe draws out a window sees
//! less time as well as fewer operations.

use super::Z;
use crate::aggregate::{Outside, ProbeSampling, part_of};

/// By how much longer that time is for each operation while it is probed, as caches are colder after a trap: at least,
/// likely, and at most. Loops with 1 to 5 µs of arithmetic took up to 40 ns more on one goroutine, up to 220 ns on two
/// that hand elements to each other.
const SLOWER_NS: [f64; 3] = [0.0, 20.0, 250.0];
/// With so little of it for each, what the trap does is next to all there is.
pub(super) const CLOSE_NS: f64 = 350.0;
/// An interval whose ends are no more apart is as good as there are.
const NARROW: f64 = 1.6;
/// How much the same code's time differs with what runs on the other half of the core, on average over the windows.
const SPEED_ERROR: f64 = 0.04;
/// So few samples tell nothing, as a relative standard error.
const MOST_ERROR: f64 = 0.75;

/// What the program ran outside of the runtime and of the kernel in the whole run, in nanoseconds of CPU time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OutsideTime {
    ns: f64,
    /// Relative, standard.
    error: f64,
}

/// How many operations there were, or by what others are to be multiplied: as measured, at least and at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) total: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl OutsideTime {
    /// `found`: samples there, of `all`. `target_ns`: what the target used.
    pub(super) fn of(found: u64, all: u64, target_ns: f64) -> Option<Self> {
        let (part, error) = part_of(found, all);
        (found > 0).then_some(Self {
            ns: part * target_ns,
            error,
        })
    }
}

impl Told {
    /// Returns whether there is nothing left to be asked of anything else.
    pub(super) fn is_narrow(&self) -> bool {
        self.high < self.low * NARROW
    }

    /// Returns it with no more than `most`.
    pub(super) fn at_most(self, most: f64) -> Self {
        Self {
            total: self.total.min(most),
            low: self.low.min(most),
            high: self.high.min(most),
        }
    }

    /// Returns it with another relative standard error.
    pub(super) fn wider(self, error: f64) -> Self {
        let spread = ProbeSampling::spread(1.0, error, Z);
        Self {
            low: self.low / spread,
            high: self.high * spread,
            ..self
        }
    }

    /// Returns whether both can be true.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.high >= other.low && self.low <= other.high
    }

    /// Returns what both tell; where that is next to nothing they contradict each other, and this one is right.
    pub(super) fn within(self, other: &Self) -> Self {
        let (low, high) = (self.low.max(other.low), self.high.min(other.high));
        if high < low * NARROW {
            return self;
        }
        Self {
            total: self.total.min(high).max(low),
            low,
            high,
        }
    }
}

/// Returns how many operations there were in `time`, from what windows saw, of standard errors `z`; `None` where that is
/// not known well.
pub(super) fn told(windows: &Outside, time: OutsideTime, z: f64) -> Option<Told> {
    let (rate, error) = windows.rate();
    let error = error.hypot(time.error).hypot(SPEED_ERROR);
    if windows.operations.steps <= 0.0 || windows.operations.ns <= 0.0 || error > MOST_ERROR {
        return None;
    }
    let apart_ns = 1.0 / rate;
    if apart_ns < CLOSE_NS {
        return None;
    }
    let [least, likely, most] = SLOWER_NS.map(|ns| time.ns / (apart_ns - ns));
    // Where operations are the program gets on less than elsewhere: they are not among all that it does, but come in
    // phases that are longer than windows, which saw less of those.
    let (usual, where_operations_are) = windows.cpus();
    let phases = (usual / where_operations_are.max(f64::MIN_POSITIVE)).max(1.0);
    let spread = (z * error).exp();
    // Of a time of which little was found there may be much less still (exact limits of Poisson's distribution).
    let of_few = error.mul_add(error, 1.0).powi(2);
    Some(Told {
        total: likely * phases.sqrt(),
        low: least / spread,
        high: most * phases * spread * of_few,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN_NS: f64 = 10e9;

    /// Windows of 10 ms, each with the CPUs that it ran on outside of the runtime and the operations in it.
    fn windows(each: &[(f64, u64)]) -> Outside {
        let mut sum = Outside::default();
        for (cpus, operations) in each {
            let outside_ns = (*cpus * 10e6) as u64;
            let ticks = (50, outside_ns / 200_000);
            sum.add(&Outside::of(10_000_000, *operations, outside_ns, ticks));
        }
        sum
    }

    /// A run that was outside for such a part of its CPU time.
    fn run(part: f64) -> OutsideTime {
        OutsideTime::of((part * 1e5) as u64, 100_000, RUN_NS).unwrap()
    }

    #[test]
    fn operations_are_as_many_as_go_into_the_programs_own_time() {
        // 3 µs of its own for each, with the probe on 2 000 in 10 ms.
        let told = told(&windows(&[(0.6, 2_000); 20]), run(0.99), 1.96).unwrap();
        let truth = 0.99 * RUN_NS / 3_000.0;
        assert!(told.low < truth && truth < told.high, "{told:?}");
        assert!((told.total / truth - 1.0).abs() < 0.03, "{told:?}");
        assert!(told.high / told.low < 1.35, "{told:?}");
    }

    #[test]
    fn bursts_that_are_drawn_out_are_as_many_as_they_are() {
        // One window in ten is in a burst.
        let mut all = [(0.0, 0); 200];
        all.iter_mut()
            .step_by(10)
            .for_each(|window| *window = (0.5, 1_000));
        let told = told(&windows(&all), run(0.2), 1.96).unwrap();
        let truth = 0.2 * RUN_NS / 5_000.0;
        assert!((told.total / truth - 1.0).abs() < 0.03, "{told:?}");
    }

    #[test]
    fn phases_that_windows_saw_less_of_may_be_longer() {
        // Half of the time is without operations, in the other half the probe takes half.
        let mut all = [(1.0, 0); 200];
        all.iter_mut()
            .step_by(2)
            .for_each(|window| *window = (0.5, 1_000));
        let told = told(&windows(&all), run(1.0), 1.96).unwrap();
        let truth = 0.5 * RUN_NS / 5_000.0;
        assert!(told.low < truth && truth < told.high, "{told:?}");
    }

    #[test]
    fn operations_that_are_too_close_say_nothing() {
        assert_eq!(told(&windows(&[(0.1, 5_000); 20]), run(0.5), 1.96), None);
    }

    #[test]
    fn few_samples_tell_nothing() {
        assert_eq!(told(&windows(&[(0.1, 0); 20]), run(0.5), 1.96), None);
        let mut seldom = [(0.0, 0); 20];
        seldom[3] = (0.2, 20);
        assert_eq!(told(&windows(&seldom), run(0.5), 1.96), None);
    }
}
