//! `tracer-left-on`.
//!
//! # What it looks for
//! The execution tracer on from before the window until after it.
//! # Why it matters
//! Every transition of every goroutine writes an event (src/runtime/trace*.go).
//! # Evidence
//! Whether tracing is on, in the process's state, before and after.
//! # What to try
//! A few seconds on demand.
//! # References
//! package-10.

use super::prelude::*;

/// Windows shorter than this may lie inside a trace that somebody takes on purpose.
const MIN_SECONDS: f64 = 2.0;

pub static RULE: Rule = Rule {
    name: "tracer-left-on",
    exercises: &["package-10"],
    probes: &[],
    examine,
    advice: Advice {
        refuted_by: "a trace that somebody takes right now, and that ends within seconds.",
        cure: "Start the tracer on demand for a few seconds (net/http/pprof has an endpoint); for always-on use the ring of trace.FlightRecorder from Go 1.25.",
        do_not_bother_when: "It is a load test that looks for scheduling trouble.",
    },
    explanation: Explanation {
        title: "The execution tracer is always on",
        in_the_runtime: "While tracing is on, every creation, block, wake-up, system call and collection writes an event with a time stamp, many with a stack, into a buffer of the thread; a goroutine writes the buffers out. Up to 62 % of the throughput of programs that do little between events is lost (measured).",
        how_it_is_seen: "The tracer's switch is read from the process before and after. Found where it was on both times and the window is longer than two seconds.",
        example: "// before\nfunc main() {\n\ttrace.Start(f)\n\tserve()\n}\n\n// after\nimport _ \"net/http/pprof\" // GET /debug/pprof/trace?seconds=5",
        versions: "Go 1.21 made events cheaper, 1.22 splits traces into generations; the cost follows the number of events in all of them.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let Some((before, after)) = observed.setting(|settings| settings.tracing) else {
        return Judgement::not_enough(
            "whether the tracer is on could not be read from the process",
            "a build whose globals rtprobe finds",
        );
    };
    if !(before && after) {
        let when = if before || after {
            "for a part of the window only"
        } else {
            "not at all"
        };
        return Judgement::Clear(format!("the tracer was on {when}"));
    }
    if observed.seconds < MIN_SECONDS {
        return Judgement::not_enough(
            format!("the tracer was on for all of {:.1} s", observed.seconds),
            format!("a window of {MIN_SECONDS} s or more"),
        );
    }
    let mut fault = Fault::new("the execution tracer is on all the time")
        .evidence("tracing", observed.seconds * 1e9, "ns")
        .evidence_if("CPU in the tracer", in_tracer(observed), "share")
        .costs(in_tracer(observed).unwrap_or(weigh::WARNING_SHARE))
        .at_least(Severity::Warning);
    fault.confidence = if observed.seconds >= 10.0 { 0.95 } else { 0.85 };
    Judgement::Found(vec![fault])
}

/// The share of the CPU samples with a function of the tracer on the stack.
fn in_tracer(observed: &Observed) -> Option<f64> {
    let samples = observed
        .samples
        .as_ref()
        .filter(|samples| samples.total >= 50)?;
    let traces =
        |name: &str| name.starts_with("runtime.trace") || name.starts_with("runtime.(*trace");
    let hits: u64 = samples
        .stacks
        .iter()
        .filter(|stack| stack.stack.iter().any(|frame| traces(&frame.function)))
        .map(|stack| stack.samples)
        .sum();
    Some(hits as f64 / samples.total as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traced(on: bool) -> Observed {
        idle().stated(|state| state.settings.tracing = Some(on))
    }

    #[test]
    fn on_at_both_ends_is_found() {
        assert_eq!(
            found(examine(&traced(true)))[0].severity(),
            Severity::Warning
        );
    }

    #[test]
    fn a_trace_that_ends_is_silent() {
        let ends = traced(true).ended(|state| state.settings.tracing = Some(false));
        assert!(is_clear(&examine(&ends)));
        assert!(is_clear(&examine(&traced(false))));
    }

    #[test]
    fn a_short_window_cannot_tell() {
        let mut short = traced(true);
        short.seconds = MIN_SECONDS - 0.1;
        assert!(is_undecided(&examine(&short)));
        short.seconds = MIN_SECONDS;
        assert_eq!(found(examine(&short)).len(), 1);
    }

    #[test]
    fn unknown_is_not_clear() {
        assert!(is_undecided(&examine(&idle())));
    }
}
