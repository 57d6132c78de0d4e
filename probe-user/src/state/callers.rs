//! Lines of the program that call what leaves something behind: a setting that was made, or a thread that was locked,
//! before anybody looked.

use std::collections::BTreeMap;

use super::names::Names;
use crate::{analyze::GoBinary, observed::State, report::Location};

/// Whether a state shows that a function may have been called.
type Shows = fn(&State) -> bool;

const LEAVE_BEHIND: [(&str, Shows); 7] = [
    ("runtime.LockOSThread", |state| {
        (state.census.as_ref()).is_some_and(|census| !census.locked_to_thread.is_empty())
    }),
    ("runtime.SetBlockProfileRate", |state| {
        (state.settings.block_profile_rate_ns).is_some_and(|ns| ns > 0)
    }),
    ("runtime.SetCPUProfileRate", profiles_cpu),
    ("runtime/pprof.StartCPUProfile", profiles_cpu),
    (TRACE_START, traces),
    (TRACE_SUBSCRIBE, traces),
    ("runtime/trace.(*FlightRecorder).Start", traces),
];

const TRACE_START: &str = "runtime/trace.Start";
/// What is called in its place where that is inlined (src/runtime/trace/subscribe.go, from Go 1.25 on).
const TRACE_SUBSCRIBE: &str = "runtime/trace.(*traceMultiplexer).subscribeTraceStartWriter";

fn profiles_cpu(state: &State) -> bool {
    state.settings.cpu_profile_hz.is_some_and(|hz| hz > 0)
}

fn traces(state: &State) -> bool {
    state.settings.tracing == Some(true)
}

/// Returns by function which lines of the user's code call it, of those whose effect `state` shows.
pub fn callers(state: &State, binary: &GoBinary) -> BTreeMap<String, Vec<Location>> {
    let names = Names::of(binary);
    let shown = LEAVE_BEHIND.iter().filter(|(_, shows)| shows(state));
    let wanted: Vec<&str> = shown.map(|(name, _)| *name).collect();
    let mut lines = BTreeMap::<String, Vec<Location>>::new();
    for (callee, calls) in binary.calls_of(&wanted) {
        let function = match callee.as_str() {
            TRACE_SUBSCRIBE => TRACE_START,
            function => function,
        };
        let by_user = calls
            .iter()
            .filter_map(|call| names.user_call(*call, function));
        let of_function = lines.entry(function.to_owned()).or_default();
        of_function.extend(by_user);
        of_function.dedup();
    }
    lines.retain(|_, lines| !lines.is_empty());
    lines
}
