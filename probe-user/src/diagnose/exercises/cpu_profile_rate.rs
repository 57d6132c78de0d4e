//! `cpu-profile-rate`.
//!
//! # What it looks for
//! The program's own CPU profiler above 100 Hz.
//! # Why it matters
//! Each tick is a signal and a walk over the stack, on every thread that runs.
//! # Evidence
//! The rate in the runtime's state (`runtime.prof.hz`, src/runtime/proc.go), before and after.
//! # What to try
//! 100 Hz, for longer.
//! # References
//! package-4.

use super::prelude::*;

/// What `pprof.StartCPUProfile` sets (src/runtime/pprof/pprof.go).
const USUAL_HZ: u32 = 100;
/// CPU time of one tick: signal, stack walk, return.
const TICK_NS: f64 = 5_000.0;

pub static RULE: Rule = Rule {
    name: "cpu-profile-rate",
    exercises: &["package-4"],
    probes: &[],
    examine,
    advice: Advice {
        refuted_by: "a profile taken on purpose, for seconds, of functions that run for microseconds.",
        cure: "Leave out runtime.SetCPUProfileRate: 100 Hz is the default. For more samples, profile longer.",
        do_not_bother_when: "The profile is over in a few seconds.",
    },
    explanation: Explanation {
        title: "The CPU profiler ticks too often",
        in_the_runtime: "Each tick of the CPU profiler is a SIGPROF to a running thread: the kernel interrupts it, the handler walks the stack and puts it into a ring buffer. At 100 Hz that is nothing; at thousands per second and thread it is a part of the CPU, and the kernel's timers may not even deliver that many.",
        how_it_is_seen: "The profiler's rate is read from the process. Found above 100 Hz. Where one line alone of the program sets it, that line is named.",
        example: "// before\nruntime.SetCPUProfileRate(10000)\npprof.StartCPUProfile(f)\n\n// after\npprof.StartCPUProfile(f) // 100 Hz",
        versions: "Since Go 1.18 each thread has a timer of its own, so that the rate is per running thread.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let Some((before, after)) = observed.setting(|settings| settings.cpu_profile_hz) else {
        return Judgement::not_enough(
            "the profiler's rate could not be read from the process",
            "a build whose globals rtprobe finds",
        );
    };
    let hertz = before.min(after);
    let highest = before.max(after);
    if highest == 0 {
        return Judgement::Clear("the CPU profiler is off".to_owned());
    }
    if highest <= USUAL_HZ {
        return Judgement::Clear(format!("the CPU profiler runs at {highest} Hz"));
    }
    let busy = observed.cpus_used().unwrap_or(1.0);
    let share = observed.cpu_share(f64::from(hertz) * TICK_NS * busy);
    let fault = Fault::new("the program's own CPU profiler ticks too often")
        .evidence("profiler", f64::from(highest), "Hz")
        .evidence("CPU for its ticks", share, "share")
        .costs(share)
        .line(observed.only_caller("runtime.SetCPUProfileRate"));
    // Seen at one end only, it may have begun or ended meanwhile.
    Judgement::Found(vec![if hertz == highest {
        fault
    } else {
        fault.less_sure(0.8)
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hertz: u32) -> Observed {
        idle().stated(|state| state.settings.cpu_profile_hz = Some(hertz))
    }

    #[test]
    fn a_high_rate_is_found_and_weighs_its_ticks() {
        assert_eq!(found(examine(&at(10_000)))[0].severity(), Severity::Warning);
        assert_eq!(found(examine(&at(200)))[0].severity(), Severity::Info);
    }

    #[test]
    fn a_hundred_hertz_is_silent_and_one_more_is_not() {
        assert!(is_clear(&examine(&at(0))));
        assert!(is_clear(&examine(&at(100))));
        assert_eq!(found(examine(&at(101))).len(), 1);
    }

    #[test]
    fn without_the_state_nothing_is_said() {
        assert!(is_undecided(&examine(&idle())));
    }
}
