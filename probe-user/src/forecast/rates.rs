//! A short look at a target, without a probe, in; how often operations come out.

use crate::{
    observed::{CpuSamples, RuntimeCounters, State},
    plan::ProbeName,
    report::{Rate, RateSource},
};

/// Numbers of goroutines are handed out to each P in batches of so many (src/runtime/proc.go
/// `_GoidCacheBatch`).
const GOROUTINE_BATCH: f64 = 16.0;
/// Allocations are booked when a span is full: the smallest objects come 1 024 to a span.
const SPAN: f64 = 1024.0;
/// Two-sided 95 % of the normal distribution, rounded.
const Z: f64 = 2.0;
/// Where none was seen, there are at most so many on average (95 %).
const NONE_SEEN: f64 = 3.0;
/// No operation of [`SHORT`] uses more of the CPU, the waking of a goroutine included.
const LONGEST_NS: f64 = 10_000.0;

/// Probes whose operations are all short, so that CPU time spent in them means many.
const SHORT: [ProbeName; 11] = [
    ProbeName::GoroutineCreate,
    ProbeName::Alloc,
    ProbeName::ChanSend,
    ProbeName::ChanRecv,
    ProbeName::Select,
    ProbeName::TimerStart,
    ProbeName::TimerStop,
    ProbeName::MapRead,
    ProbeName::ReflectField,
    ProbeName::Gosched,
    ProbeName::Caller,
];

/// What a look saw.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub before: &'a State,
    pub after: &'a State,
    /// Between the two.
    pub ns: u64,
    pub samples: Option<&'a CpuSamples>,
}

impl Look<'_> {
    /// Returns the CPUs that the target used.
    pub fn cpus(&self) -> Option<f64> {
        let used = self
            .after
            .cpu_time_ns?
            .checked_sub(self.before.cpu_time_ns?)?;
        (self.ns > 0).then(|| used as f64 / self.ns as f64)
    }

    /// Returns how often operations of a probe come, which stands for `functions` of the runtime.
    pub fn rate(&self, probe: ProbeName, functions: &[String]) -> Rate {
        self.counted(probe)
            .or_else(|| self.sampled(probe, functions))
            .unwrap_or_default()
    }

    /// By the runtime's own counters.
    fn counted(&self, probe: ProbeName) -> Option<Rate> {
        let processors = f64::from(self.after.gomaxprocs.unwrap_or(1));
        let (counter, batch): (fn(&RuntimeCounters) -> Option<u64>, f64) = match probe {
            ProbeName::GoroutineCreate | ProbeName::GoroutineRun => {
                (|of| of.goroutines_created, GOROUTINE_BATCH * processors)
            }
            ProbeName::Alloc => (|of| of.allocated_objects, SPAN * processors),
            ProbeName::CgoCall => (|of| of.cgo_calls, 0.0),
            ProbeName::GcCycle => (|of| of.gc_cycles, 0.0),
            ProbeName::Gc => (|of| of.forced_gc_cycles, 0.0),
            _ => return None,
        };
        let n = counter(&self.after.counters)?.checked_sub(counter(&self.before.counters)?)? as f64;
        let seconds = self.ns as f64 / 1e9;
        if seconds <= 0.0 {
            return None;
        }
        let error = Z * n.sqrt() + batch;
        Some(Rate {
            per_s: (n > 0.0).then_some(n / seconds),
            low_per_s: Some((n - error).max(0.0) / seconds),
            high_per_s: Some((n + error.max(NONE_SEEN)) / seconds),
            from: Some(RateSource::Counter),
        })
    }

    /// By the CPU time that went into the functions: it says how many there are at least.
    fn sampled(&self, probe: ProbeName, functions: &[String]) -> Option<Rate> {
        let samples = self.samples.filter(|_| SHORT.contains(&probe))?;
        let inside = samples.in_functions(functions) as f64;
        let at_least = (inside - Z * inside.sqrt()) / samples.total.max(1) as f64;
        let low_per_s = at_least * self.cpus()? * 1e9 / LONGEST_NS;
        (low_per_s > 0.0).then_some(Rate {
            low_per_s: Some(low_per_s),
            from: Some(RateSource::CpuSamples),
            ..Rate::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{observed::SampledStack, report::StackFrame};

    fn state(cpu_time_ns: u64, goroutines: Option<u64>, cgo_calls: Option<u64>) -> State {
        State {
            cpu_time_ns: Some(cpu_time_ns),
            gomaxprocs: Some(2),
            counters: RuntimeCounters {
                goroutines_created: goroutines,
                cgo_calls,
                ..RuntimeCounters::default()
            },
            ..State::default()
        }
    }

    fn look<'a>(before: &'a State, after: &'a State) -> Look<'a> {
        Look {
            before,
            after,
            ns: 500_000_000,
            samples: None,
        }
    }

    #[test]
    fn counters_read_twice_are_a_rate() {
        let (before, after) = (
            state(0, Some(100), Some(7)),
            state(1, Some(10_100), Some(7)),
        );
        let rate = look(&before, &after).rate(ProbeName::GoroutineCreate, &[]);
        assert_eq!(rate.per_s, Some(20_000.0));
        assert!(rate.low_per_s.unwrap() < 20_000.0 && rate.high_per_s.unwrap() > 20_000.0);
    }

    #[test]
    fn none_seen_is_not_known_to_be_none() {
        let (before, after) = (state(0, None, Some(7)), state(1, None, Some(7)));
        let rate = look(&before, &after).rate(ProbeName::CgoCall, &[]);
        assert_eq!((rate.per_s, rate.high_per_s), (None, Some(6.0)));
        let unread = look(&before, &after).rate(ProbeName::GoroutineCreate, &[]);
        assert_eq!(unread, Rate::default());
        let uncounted = look(&before, &after).rate(ProbeName::ChanSend, &[]);
        assert_eq!(uncounted, Rate::default());
    }

    #[test]
    fn cpu_time_in_a_function_means_many_calls() {
        let stack = |function: &str, samples| SampledStack {
            stack: vec![StackFrame {
                function: function.into(),
                ..StackFrame::default()
            }],
            samples,
            ..SampledStack::default()
        };
        let samples = CpuSamples {
            total: 100,
            stacks: vec![stack("runtime.chansend", 64), stack("main.main", 36)],
            ..CpuSamples::default()
        };
        let (before, after) = (state(0, None, None), state(500_000_000, None, None));
        let look = Look {
            samples: Some(&samples),
            ..look(&before, &after)
        };
        let functions = ["runtime.chansend".to_owned()];
        let rate = look.rate(ProbeName::ChanSend, &functions);
        // 64 − 2·8 of 100 samples of one CPU, at most 10 µs each.
        assert!((rate.low_per_s.unwrap() - 48_000.0).abs() < 1.0);
        assert_eq!((rate.per_s, rate.high_per_s), (None, None));
        // A lock that is waited for uses no CPU time: it says nothing about how many there are.
        let rate = look.rate(ProbeName::MutexWait, &functions);
        assert_eq!(rate, Rate::default());
    }
}
