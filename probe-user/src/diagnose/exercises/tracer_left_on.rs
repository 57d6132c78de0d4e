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

/// What keeps a ring of the latest events (Go 1.25; before that as a module).
const RECORDERS: [&str; 2] = [
    "runtime/trace.(*FlightRecorder).Start",
    "golang.org/x/exp/trace.(*FlightRecorder).Start",
];
/// What writes all events out. From Go 1.25 on `trace.Start` is inlined, and what it calls is there in its place
/// (src/runtime/trace/subscribe.go).
const TRACERS: [&str; 2] = [
    "runtime/trace.Start",
    "runtime/trace.(*traceMultiplexer).subscribeTraceStartWriter",
];
/// What the rule asks the program for.
pub const FUNCTIONS: [&str; 4] = [RECORDERS[0], RECORDERS[1], TRACERS[0], TRACERS[1]];

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
        how_it_is_seen: "The tracer's switch is read from the process before and after. Found where it was on both times and the window is longer than two seconds. A program that can keep nothing but the ring of trace.FlightRecorder is told so, as information. Where one line alone of the program starts it, that line is named.",
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
    let mut fault = fault(observed)
        .evidence("tracing", observed.seconds * 1e9, "ns")
        .evidence_if("CPU in the tracer", in_tracer(observed), "share")
        .costs(in_tracer(observed).unwrap_or(weigh::WARNING_SHARE));
    fault.confidence = if observed.seconds >= 10.0 { 0.95 } else { 0.85 };
    Judgement::Found(vec![fault])
}

/// By what the program can start: the flight recorder is on for good, as it is meant to be.
fn fault(observed: &Observed) -> Fault {
    let traces = observed.links_any(&TRACERS).unwrap_or(true);
    let records = observed.links_any(&RECORDERS).unwrap_or(false);
    if records && !traces {
        return Fault::new("the flight recorder is on all the time")
            .line(observed.only_caller("runtime/trace.(*FlightRecorder).Start"))
            .at_most(Severity::Info)
            .cure("A trace.FlightRecorder keeps a ring of the latest events all the time, which costs what the evidence says; stop it where that is too much, and start it while you look for something.")
            .do_not_bother_when("The ring is wanted, and its share of the CPU can be spared.");
    }
    let fault = Fault::new("the execution tracer is on all the time")
        .line(observed.only_caller("runtime/trace.Start"))
        .at_least(Severity::Warning);
    if records {
        return fault.cure(format!(
            "{} This program contains that ring as well: if nothing else is on, stop it only where it costs too much.",
            RULE.advice.cure
        ));
    }
    fault
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
    fn the_flight_recorder_alone_is_no_alarm() {
        let linking = |functions: &[&str]| {
            let mut seen = traced(true);
            seen.linked = Some(functions.iter().map(|&name| name.to_owned()).collect());
            found(examine(&seen)).remove(0)
        };
        let alone = linking(&RECORDERS[..1]);
        assert_eq!(alone.severity(), Severity::Info);
        assert!(alone.title.contains("flight recorder"), "{}", alone.title);
        for tracer in TRACERS {
            let both = linking(&[RECORDERS[0], tracer]);
            assert_eq!(both.severity(), Severity::Warning);
            assert!(both.cure.is_some_and(|cure| cure.contains("as well")));
        }
        let tracer = linking(&TRACERS[..1]);
        assert_eq!(tracer.severity(), Severity::Warning);
        assert!(tracer.cure.is_none());
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
