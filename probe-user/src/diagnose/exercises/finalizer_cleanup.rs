//! `finalizer-cleanup`.
//!
//! # What it looks for
//! A line that sets a finalizer or a cleanup on object after object.
//! # Why it matters
//! Each costs a record under a lock, lives a cycle longer, and is run by one goroutine, sometime.
//! # Evidence
//! Calls of `runtime.SetFinalizer` and `runtime.AddCleanup` per line; clearing one is not counted.
//! # What to try
//! `Close`, and `defer`.
//! # References
//! dive-13, source-10, package-3, package-12; src/runtime/mfinal.go, mcleanup.go.

use super::prelude::*;

/// From the catalogue.
const RATE_PER_S: f64 = 1.0;
/// Setting one, the extra cycle, and running it: measured by the text as 2.6 µs more per object.
const FINALIZER_NS: f64 = 2_000.0;

pub static RULE: Rule = Rule {
    name: "finalizer-cleanup",
    exercises: &["dive-13", "source-10", "package-3", "package-12"],
    probes: &["finalizer"],
    examine,
    advice: Advice {
        refuted_by: "objects that are few and live long, where the finalizer only reports that somebody forgot to close one.",
        cure: "Give the type a Close method and call it by defer where the object is made; count open ones, if that is what it was for, with an atomic in both.",
        do_not_bother_when: "A few objects a minute get one, as a net below an explicit Close.",
    },
    explanation: Explanation {
        title: "Finalizers that clean up, object by object",
        in_the_runtime: "SetFinalizer takes a lock and adds a record to the object's span. When a collection finds the object unreachable it keeps it, queues the finalizer for one goroutine that runs them all in turn, and only the next collection frees it. With few collections that is minutes later; one slow finalizer holds up all others; at exit none are run.",
        how_it_is_seen: "Calls that set one are counted per line; those that clear one, and those of the standard library (each os.File sets and clears one), are left out. Found from one a second; package-12 where the finalizer's code calls nothing, so that all it can do is count.",
        example: "// before\nc := &Conn{sock: s}\nruntime.SetFinalizer(c, func(c *Conn) { c.sock.Close() })\n\n// after\nfunc (c *Conn) Close() error { return c.sock.Close() }\n// and where it is used\ndefer c.Close()",
        versions: "runtime.AddCleanup exists from Go 1.24 on: it neither keeps the object for another cycle nor resurrects it, and may run in parallel; an explicit Close is still sooner.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "finalizer",
        RATE_PER_S,
        |calls| calls.directly_by_user() && !clears(calls),
        fault,
        "no line of the program sets finalizers on object after object",
    )
}

/// `SetFinalizer(x, nil)`: no function is given.
fn clears(calls: &Calls) -> bool {
    calls.detail == 0 && !is_cleanup(calls)
}

fn is_cleanup(calls: &Calls) -> bool {
    calls.passes_prefix("runtime.AddCleanup") || calls.passes_prefix("runtime.addCleanup")
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let is_cleanup = site.share(is_cleanup) > 0.5;
    let share = observed.cpu_share(site.rate_per_s() * FINALIZER_NS);
    let only_counts = site.share(|calls| calls.calls_others == Some(false)) > 0.5;
    let title = if is_cleanup {
        "a cleanup is registered for object after object"
    } else if only_counts {
        "finalizers count object after object"
    } else {
        "finalizers are set on object after object"
    };
    let name = if is_cleanup { "cleanups" } else { "finalizers" };
    let fault = Fault::at(site, title)
        .evidence(name, site.rate_per_s(), "1/s")
        .costs(share);
    let fault = if only_counts {
        fault.exercises(&["package-12"]).cure("Count where objects are made and where they are closed, with an atomic in both: the difference is what leaks, at once and exactly.")
    } else {
        fault.exercises(&["dive-13", "source-10", "package-3"])
    };
    // What stays open until a collection is worse than the CPU time.
    let fault = if site.rate_per_s() >= 100.0 && !only_counts {
        fault.at_least(Severity::Warning)
    } else {
        fault
    };
    if is_cleanup {
        fault.less_sure(0.8)
    } else {
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: u64 = 0x4a_0000;

    fn setting(rate: f64) -> Calls {
        calls("finalizer").per_second(rate).detail(CODE)
    }

    #[test]
    fn a_finalizer_per_object_is_found() {
        assert_eq!(
            found(examine(&idle().with(setting(500.0))))[0].severity(),
            Severity::Warning
        );
        let cleanup = setting(5.0)
            .detail(0)
            .through_runtime(&["runtime.AddCleanup[go.shape.struct {}]"]);
        assert_eq!(
            found(examine(&idle().with(cleanup)))[0].severity(),
            Severity::Info
        );
    }

    #[test]
    fn a_finalizer_that_calls_nothing_only_counts() {
        let of = |calls_others| {
            let calls = Calls {
                calls_others,
                ..setting(5.0)
            };
            found(examine(&idle().with(calls))).remove(0).exercises
        };
        assert_eq!(of(Some(false)), ["package-12"]);
        for unlike in [Some(true), None] {
            assert_eq!(of(unlike), ["dive-13", "source-10", "package-3"]);
        }
    }

    #[test]
    fn one_a_second_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(setting(1.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(setting(0.9)))));
    }

    #[test]
    fn files_and_clearing_are_silent() {
        let file = setting(900.0).through_library(&["os.newFile", "os.Open"]);
        assert!(is_clear(&examine(&idle().with(file))));
        assert!(is_clear(&examine(&idle().with(setting(900.0).detail(0)))));
    }
}
