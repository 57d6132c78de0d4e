//! `cpu-quota-mismatch`.
//!
//! # What it looks for
//! GOMAXPROCS above the cgroup's CPU quota.
//! # Why it matters
//! All threads of the cgroup are stopped for the rest of the period once its quota is used up.
//! # Evidence
//! GOMAXPROCS, the quota, and the throttled periods meanwhile: state, no probe.
//! # What to try
//! GOMAXPROCS as large as the quota, rounded up.
//! # References
//! dive-11; src/runtime/cgroup_linux.go (Go 1.25); cpu.max in the kernel's cgroup-v2.rst.

use super::prelude::*;
use crate::observed::CpuLimit;

/// The least that the runtime chooses by itself under a quota, from Go 1.25 on (src/runtime/proc.go
/// `adjustCgroupGOMAXPROCS`).
const LEAST_ADJUSTED: u32 = 2;

pub static RULE: Rule = Rule {
    name: "cpu-quota-mismatch",
    exercises: &["dive-11"],
    probes: &[],
    examine,
    advice: Advice {
        refuted_by: "the cgroup's cpu.stat: no throttled periods under the load that matters.",
        cure: "Set GOMAXPROCS to the quota, rounded up, in the environment or by go.uber.org/automaxprocs; with Go 1.25 and a go line of 1.25 the runtime does it by itself.",
        do_not_bother_when: "The cgroup is never throttled, because the program uses far less than its quota.",
    },
    explanation: Explanation {
        title: "More Ps than the container has CPUs",
        in_the_runtime: "Up to Go 1.24 GOMAXPROCS defaults to the CPUs of the affinity mask, which is the host's. The kernel accounts the CPU time of all threads against the quota in periods of 100 ms. With 64 Ps and two CPUs' worth of quota, a burst uses the period up in 3 ms, and then nothing runs for 97 ms: not the collector's workers, not the goroutine that holds the lock.",
        how_it_is_seen: "GOMAXPROCS is read from the process, the quota and its throttled periods from the cgroup (versions 1 and 2, the tightest of all ancestors). Found where GOMAXPROCS is larger than the quota rounded up; worse where periods were throttled while it was watched.",
        example: "# before: 64 Ps, two CPUs' worth of time\ndocker run --cpus=2 api\n\n# after\ndocker run --cpus=2 -e GOMAXPROCS=2 api",
        versions: "From Go 1.25 on the runtime adapts to the quota and follows its changes, never below 2, if the module's go line is 1.25 or later (containermaxprocs) and GOMAXPROCS is not set.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let Some(state) = observed.end.as_ref().or(observed.start.as_ref()) else {
        return Judgement::not_enough(
            "the state of the process was not read",
            "a run as root of a live process",
        );
    };
    let Some(limit) = state.cpu_limit else {
        return Judgement::not_enough(
            "the cgroup's CPU quota could not be read",
            "access to the target's cgroup",
        );
    };
    let Some(cpus) = limit.cpus else {
        return Judgement::Clear("no CPU quota limits the process".to_owned());
    };
    let Some(procs) = state.gomaxprocs.or(observed.target.gomaxprocs) else {
        return Judgement::not_enough(
            "GOMAXPROCS could not be read",
            "a build whose globals rtprobe finds",
        );
    };
    let allowed = (cpus.ceil() as u32).max(1);
    if procs <= allowed {
        return Judgement::Clear(format!(
            "GOMAXPROCS {procs} fits the quota of {cpus:.2} CPUs"
        ));
    }
    if procs == LEAST_ADJUSTED && adapts(observed) {
        return Judgement::Clear(format!(
            "the runtime chose GOMAXPROCS {procs}, its least, by itself"
        ));
    }
    Judgement::Found(vec![fault(observed, procs, cpus, &limit)])
}

/// Whether the runtime follows the quota by itself, as far as the build tells.
fn adapts(observed: &Observed) -> bool {
    observed.is_go(25) && observed.godebug("containermaxprocs") != Some("0")
}

fn fault(observed: &Observed, procs: u32, cpus: f64, limit: &CpuLimit) -> Fault {
    let before = observed.start.as_ref().and_then(|state| state.cpu_limit);
    let grown =
        |value: fn(&CpuLimit) -> Option<u64>| value(limit)?.checked_sub(value(before.as_ref()?)?);
    let stopped_ns = grown(|limit| limit.throttled_ns);
    // `throttled_ns` adds up over the host's CPUs; the share of one of them is the wall time lost.
    let share = stopped_ns.map_or(0.0, |ns| {
        let per_s = if observed.seconds > 0.0 {
            ns as f64 / 1e9 / observed.seconds
        } else {
            0.0
        };
        per_s / f64::from(procs.min(observed.host_cpus).max(1))
    });
    let periods = grown(|limit| limit.throttled_periods);
    let fault = Fault::new("GOMAXPROCS is larger than the CPU quota")
        .evidence("GOMAXPROCS", f64::from(procs), "")
        .evidence("quota", cpus, "CPUs")
        .evidence_if(
            "throttled periods",
            periods.map(|n| n as f64),
            "in the window",
        )
        .evidence_if("throttled", stopped_ns.map(|_| share), "share")
        .costs(share);
    let fault = if periods.is_some_and(|n| n > 0) {
        fault.at_least(Severity::Warning)
    } else {
        fault
    };
    if observed.is_go(25) {
        let why = if adapts(observed) {
            "GOMAXPROCS was set by hand, in the environment or by a call"
        } else {
            "the module's go line is below 1.25 (containermaxprocs=0)"
        };
        return fault.cure(format!(
            "This release would adapt by itself, but {why}: remove that, or set GOMAXPROCS={}.",
            cpus.ceil()
        ));
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(quota: f64, procs: u32) -> Observed {
        idle().on_go(24).stated(|state| {
            state.gomaxprocs = Some(procs);
            state.cpu_limit = Some(CpuLimit {
                cpus: Some(quota),
                throttled_periods: Some(10),
                throttled_ns: Some(0),
                affinity: Some(8),
            });
        })
    }

    #[test]
    fn more_ps_than_quota_is_found_and_worse_when_throttled() {
        assert_eq!(found(examine(&under(2.0, 8)))[0].severity(), Severity::Info);
        let throttled = under(2.0, 8).ended(|state| {
            if let Some(limit) = &mut state.cpu_limit {
                (limit.throttled_periods, limit.throttled_ns) = (Some(60), Some(8_000_000_000));
            }
        });
        assert_eq!(found(examine(&throttled))[0].severity(), Severity::Critical);
    }

    #[test]
    fn the_quota_is_rounded_up() {
        assert!(is_clear(&examine(&under(1.5, 2))));
        assert_eq!(found(examine(&under(1.5, 3))).len(), 1);
    }

    #[test]
    fn two_under_one_is_the_runtimes_own_choice_from_1_25() {
        assert!(is_clear(&examine(&under(0.5, 2).on_go(25))));
        let old_line = under(0.5, 2).on_go(25).with_godebug("containermaxprocs=0");
        let faults = found(examine(&old_line));
        assert!(
            faults[0]
                .cure
                .as_ref()
                .is_some_and(|cure| cure.contains("go line"))
        );
        assert_eq!(found(examine(&under(0.5, 2))).len(), 1);
    }

    #[test]
    fn no_quota_is_clear_and_no_reading_is_not() {
        let free = idle().stated(|state| state.cpu_limit = Some(CpuLimit::default()));
        assert!(is_clear(&examine(&free)));
        assert!(is_undecided(&examine(&idle())));
    }
}
