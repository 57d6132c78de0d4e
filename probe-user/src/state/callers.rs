//! Lines of the program that call what leaves something behind: a setting that was made, or a thread that was locked,
//! before anybody looked.

use std::collections::BTreeMap;

use super::names::Names;
use crate::{analyze::GoBinary, observed::State, report::Location};

/// Whether a state shows that a function may have been called.
type Shows = fn(&State) -> bool;

const LEAVE_BEHIND: [(&str, Shows); 6] = [
    ("runtime.LockOSThread", |state| {
        (state.census.as_ref()).is_some_and(|census| !census.locked_to_thread.is_empty())
    }),
    ("runtime.SetBlockProfileRate", |state| {
        (state.settings.block_profile_rate_ns).is_some_and(|ns| ns > 0)
    }),
    ("runtime.SetCPUProfileRate", profiles_cpu),
    ("runtime/pprof.StartCPUProfile", profiles_cpu),
    ("runtime/trace.Start", traces),
    ("runtime/trace.(*FlightRecorder).Start", traces),
];

/// Functions that are inlined, by what they call (src/runtime/trace/subscribe.go, from Go 1.25 on).
const INLINED: [(&str, &str); 1] = [(
    "runtime/trace.(*traceMultiplexer).subscribeTraceStartWriter",
    "runtime/trace.Start",
)];

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
    let mut wanted: Vec<&str> = shown.map(|(name, _)| *name).collect();
    let inlined = INLINED.iter().filter(|(_, name)| wanted.contains(name));
    wanted.extend(inlined.map(|(callee, _)| *callee).collect::<Vec<_>>());
    let mut lines = BTreeMap::<String, Vec<Location>>::new();
    for (callee, calls) in binary.calls_of(&wanted) {
        let inlined = INLINED.iter().find(|(called, _)| *called == callee);
        let function = inlined.map_or(callee.as_str(), |(_, name)| *name);
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
