//! What CPU samples say of a line.

use super::{
    calls::AtSite,
    observed::Observed,
    weigh::{BYTE_NS, OBJECT_NS},
};
use crate::observed::{CpuSamples, SampledStack};

/// Fewer samples bound nothing that a rule would take for large.
const MIN_SAMPLES: u64 = 50;
/// Width of a one-sided interval, in standard errors.
const Z: f64 = 2.0;

impl Observed {
    /// Returns the share of the target's CPU time that a line's allocations take, so many a second and with so
    /// many bytes: each is priced, and all together take no more than samples found in the runtime's functions
    /// that the line calls. What bytes cost the collector is sampled elsewhere, and added.
    pub fn allocation_share(&self, site: &AtSite<'_>, per_s: f64, bytes_per_s: f64) -> f64 {
        let most = self.most_below(site, "runtime.");
        let objects = self.cpu_share(per_s * OBJECT_NS).min(most);
        (objects + self.cpu_share(bytes_per_s * BYTE_NS)).min(1.0)
    }

    /// Returns the share of the target's CPU time that so many nanoseconds a second are, which functions take
    /// that a line calls: no more than samples found in those whose names begin with `package`.
    pub fn called_share(&self, site: &AtSite<'_>, package: &str, ns_per_s: f64) -> f64 {
        self.cpu_share(ns_per_s).min(self.most_below(site, package))
    }

    fn most_below(&self, site: &AtSite<'_>, package: &str) -> f64 {
        self.enough_samples(MIN_SAMPLES).map_or(1.0, |samples| {
            of_the_program(samples, |stack| is_below(stack, site, package)).most()
        })
    }
}

/// A part of the CPU samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sampled {
    pub(super) found: u64,
    pub(super) total: u64,
}

impl Sampled {
    pub(super) fn share(self) -> f64 {
        self.found as f64 / self.n()
    }

    /// Returns what the share is at most: none found may have been two.
    pub(super) fn most(self) -> f64 {
        (self.share() + Z * self.error() + Z / self.n()).min(1.0)
    }

    /// Returns what the share is at least, of however few samples (the interval of the score test, Wilson 1927).
    pub(super) fn least(self) -> f64 {
        let (n, z2) = (self.n(), Z * Z);
        let middle = self.share() + z2 / (2.0 * n);
        let half = Z * (self.share() * (1.0 - self.share()) / n + z2 / (4.0 * n * n)).sqrt();
        ((middle - half) / (1.0 + z2 / n)).max(0.0)
    }

    /// The standard error of the share (binomial).
    fn error(self) -> f64 {
        (self.share() * (1.0 - self.share()) / self.n()).sqrt()
    }

    fn n(self) -> f64 {
        self.total.max(1) as f64
    }
}

/// Returns which part of the samples `is` holds for; those in the probes are left out.
pub(super) fn of_the_program(samples: &CpuSamples, is: impl Fn(&SampledStack) -> bool) -> Sampled {
    let sum = |is: &dyn Fn(&SampledStack) -> bool| {
        let stacks = samples.stacks.iter().filter(|stack| is(stack));
        stacks.map(|stack| stack.samples).sum::<u64>()
    };
    let probing = sum(&|stack| stack.probing);
    let found = sum(&|stack| !stack.probing && is(stack));
    Sampled {
        found,
        total: samples.total.saturating_sub(probing),
    }
}

fn is_below(stack: &SampledStack, site: &AtSite<'_>, package: &str) -> bool {
    let mut frames = stack.stack.iter().zip(stack.stack.iter().skip(1));
    frames.any(|(callee, line)| callee.function.starts_with(package) && site.is_at(line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::sample::{calls, frame, idle},
        report::StackFrame,
    };

    fn stack(functions: &[&str], samples: u64) -> SampledStack {
        let stack: Vec<StackFrame> = functions.iter().map(|name| frame(name)).collect();
        SampledStack {
            stack,
            samples,
            ..SampledStack::default()
        }
    }

    fn sampled(in_allocator: u64, elsewhere: u64) -> Observed {
        let line = "example.com/api/work.Do";
        let mut seen = idle().with(calls("alloc").per_second(30e6));
        seen.samples = Some(CpuSamples {
            hertz: 99,
            total: in_allocator + elsewhere,
            stacks: vec![
                stack(
                    &["runtime.mallocgcTinySC2", line, "main.main"],
                    in_allocator,
                ),
                stack(&[line, "main.main"], elsewhere),
            ],
            ..CpuSamples::default()
        });
        seen
    }

    fn share(seen: &Observed) -> f64 {
        let sites = seen.sites("alloc", |_| true);
        seen.allocation_share(&sites[0], sites[0].rate_per_s(), 0.0)
    }

    #[test]
    fn allocations_take_no_more_than_was_sampled() {
        let measured = share(&sampled(300, 700));
        assert!((0.3..0.35).contains(&measured), "{measured}");
    }

    #[test]
    fn few_samples_tell_the_least_there_is() {
        let least = |found, total| Sampled { found, total }.least();
        assert!((least(6, 6) - 0.6).abs() < 1e-9);
        assert!(least(0, 100) < 1e-9);
        assert!((0.26..0.28).contains(&least(300, 1_000)));
        assert!(least(1, 6) < 0.05);
    }

    #[test]
    fn calls_take_no_more_than_was_sampled_in_their_package() {
        let seen = sampled(300, 700);
        let sites = seen.sites("alloc", |_| true);
        let of = |package| seen.called_share(&sites[0], package, 1e9);
        assert!((0.3..0.35).contains(&of("runtime.")));
        assert!(of("reflect.") < 0.01);
    }

    #[test]
    fn few_samples_and_cheap_allocations_change_nothing() {
        assert!(share(&sampled(10, 39)) > 0.99);
        let cheap = sampled(900, 100);
        let sites = cheap.sites("alloc", |_| true);
        let priced = cheap.allocation_share(&sites[0], 100_000.0, 0.0);
        assert!((priced - cheap.cpu_share(100_000.0 * OBJECT_NS)).abs() < 1e-12);
    }
}
