//! `caller-per-log`.
//!
//! # What it looks for
//! A line that asks where it was called from, a thousand times a second.
//! # Why it matters
//! The stack is walked, and tables are decoded to find function, file and line.
//! # Evidence
//! Calls of `runtime.Caller` and `Callers` per line.
//! # What to try
//! Only for errors.
//! # References
//! package-11; src/runtime/extern.go, symtab.go.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1_000.0;
/// A call: 1.07 µs for `runtime.Caller` from a shallow stack, Go 1.27.
const CALL_NS: f64 = 1_000.0;

pub static RULE: Rule = Rule {
    name: "caller-per-log",
    exercises: &["package-11"],
    probes: &["caller"],
    examine,
    advice: Advice {
        refuted_by: "a CPU profile without runtime.Caller and its tables near the top.",
        cure: "Ask for the caller at error level only; for the rest let the logger carry a name that is set once (slog.Logger.With, AddSource false).",
        do_not_bother_when: "Some hundred lines a second are logged.",
    },
    explanation: Explanation {
        title: "Every log line looks up its caller",
        in_the_runtime: "runtime.Caller unwinds the stack by the tables of each function, then finds the function of the return address and decodes its line table from the start, byte by byte, to find file and line. That is 0.3 to 2 µs, and a file name is made for it.",
        how_it_is_seen: "Calls are counted per line; where a logger of the library asks, the line that logs is named. Found from 1 000 a second.",
        example: "// before\nlog.SetFlags(log.Lshortfile)\n\n// after\nlog.SetFlags(0)\nerrors := log.New(os.Stderr, \"\", log.Lshortfile)",
        versions: "slog takes the program counter only, and looks it up when a handler has AddSource.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "caller",
        RATE_PER_S,
        |calls| calls.by_user,
        fault,
        "no line looks up its caller a thousand times a second",
    )
}

/// A logger of the library may lie between the line and the look-up.
const ANY: &str = "";

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.called_share(site, ANY, site.rate_per_s() * CALL_NS);
    let mut fault = Fault::at(site, "callers are looked up for every log line")
        .evidence("look-ups", site.rate_per_s(), "1/s")
        .evidence("CPU for them", share, "share")
        .costs(share);
    // slog takes program counters without looking them up.
    if site.share(|calls| calls.passes_prefix("log/slog.")) > 0.5 {
        fault = fault.at_most(Severity::Info).less_sure(0.7);
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_ups(rate: f64) -> Calls {
        calls("caller").per_second(rate)
    }

    #[test]
    fn a_look_up_per_line_is_found_through_the_library_too() {
        assert_eq!(
            found(examine(&idle().with(look_ups(50_000.0))))[0].severity(),
            Severity::Warning
        );
        let log = look_ups(50_000.0).through_library(&["log.(*Logger).output", "log.Printf"]);
        assert_eq!(found(examine(&idle().with(log))).len(), 1);
    }

    #[test]
    fn a_thousand_is_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(look_ups(1_000.0))))[0].severity(),
            Severity::Info
        );
        assert!(is_clear(&examine(&idle().with(look_ups(999.0)))));
    }

    #[test]
    fn errors_only_and_the_runtimes_own_are_silent() {
        assert!(is_clear(&examine(&idle().with(look_ups(20.0)))));
        assert!(is_clear(&examine(
            &idle().with(look_ups(9_000.0).not_by_user())
        )));
    }
}
