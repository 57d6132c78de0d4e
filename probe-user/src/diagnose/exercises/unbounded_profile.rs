//! `unbounded-profile`.
//!
//! # What it looks for
//! A CPU profile that runs from before the window until after it.
//! # Why it matters
//! Its file only grows, until the disk is full.
//! # Evidence
//! The profiler's rate in the process's state, before and after, and that the profile is the same one.
//! # What to try
//! Windows of half a minute.
//! # References
//! package-13.

use super::prelude::*;

/// A profile by net/http/pprof lasts 30 s unless told otherwise; the window must outlast some part of it.
const MIN_SECONDS: f64 = 2.0;
/// A profile that is bounded ends within this time.
const USUAL_SECONDS: f64 = 30.0;

pub static RULE: Rule = Rule {
    name: "unbounded-profile",
    exercises: &["package-13"],
    probes: &[],
    examine,
    advice: Advice {
        refuted_by: "a profile of bounded length that somebody takes right now: a longer window sees its end.",
        cure: "Profile in windows, 30 s every few minutes say, each into a file or a collector of its own, and delete what is old.",
        do_not_bother_when: "The profile goes to a collector that bounds it.",
    },
    explanation: Explanation {
        title: "A CPU profile without end",
        in_the_runtime: "pprof.StartCPUProfile keeps all distinct stacks with their counts in memory and writes them when it stops. A profile that never stops grows with every stack that it has not seen, on the heap first and, when the process rotates or dies, on the disk.",
        how_it_is_seen: "The profiler's rate is read from the process before and after, and where the profile's buffer is. Found where one and the same profile ran both times for a window of two seconds or more; the longer the window, the surer. Profiles that follow each other, as continuous profilers take them, are bounded. Where one line alone of the program starts it, that line is named.",
        example: "// before\npprof.StartCPUProfile(f)\nserve()\n\n// after\nfor range time.Tick(5 * time.Minute) {\n\tpprof.StartCPUProfile(f)\n\ttime.Sleep(30 * time.Second)\n\tpprof.StopCPUProfile()\n}",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let Some((before, after)) = observed.setting(|settings| settings.cpu_profile_hz) else {
        return Judgement::not_enough(
            "whether a CPU profile runs could not be read from the process",
            "a build whose globals rtprobe finds",
        );
    };
    if before == 0 || after == 0 {
        return Judgement::Clear("no CPU profile ran through the whole window".to_owned());
    }
    if let Some((first, last)) = observed.setting(|settings| settings.cpu_profile)
        && first != last
    {
        return Judgement::Clear("one CPU profile ended and another one began".to_owned());
    }
    if observed.seconds < MIN_SECONDS {
        return Judgement::not_enough(
            format!("a CPU profile ran for all of {:.1} s", observed.seconds),
            format!("a window of {MIN_SECONDS} s or more"),
        );
    }
    let mut fault = Fault::new("a CPU profile runs without end")
        .evidence("profiling", observed.seconds * 1e9, "ns")
        .evidence("profiler", f64::from(before.min(after)), "Hz")
        .line(observed.only_caller("runtime/pprof.StartCPUProfile"));
    fault.confidence = (0.5 + 0.45 * observed.seconds / USUAL_SECONDS).min(0.95);
    Judgement::Found(vec![fault])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::State;

    fn profiled(hertz: u32) -> Observed {
        idle().stated(|state| state.settings.cpu_profile_hz = Some(hertz))
    }

    #[test]
    fn a_profile_through_the_window_is_found_and_surer_the_longer_it_is() {
        let short = found(examine(&profiled(100)));
        let mut long = profiled(100);
        long.seconds = 60.0;
        assert!(found(examine(&long))[0].confidence > short[0].confidence);
    }

    #[test]
    fn a_bounded_profile_is_silent() {
        let ends = profiled(100).ended(|state| state.settings.cpu_profile_hz = Some(0));
        assert!(is_clear(&examine(&ends)));
        assert!(is_clear(&examine(&profiled(0))));
    }

    #[test]
    fn profiles_one_after_the_other_are_bounded() {
        let of = |number| {
            move |state: &mut State| {
                state.settings.cpu_profile_hz = Some(100);
                state.settings.cpu_profile = Some(number);
            }
        };
        let same = idle().stated(of(0x1000));
        assert_eq!(found(examine(&same)).len(), 1);
        assert!(is_clear(&examine(&same.ended(of(0x2000)))));
    }

    #[test]
    fn two_seconds_are_the_threshold() {
        let mut seen = profiled(100);
        seen.seconds = 1.9;
        assert!(is_undecided(&examine(&seen)));
        seen.seconds = 2.0;
        assert_eq!(found(examine(&seen)).len(), 1);
    }
}
