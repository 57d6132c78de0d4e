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
    let found = binary.calls_of(&wanted).into_iter();
    found
        .map(|(function, calls)| {
            let by_user = calls.into_iter().filter(|call| names.is_user(*call));
            let mut lines: Vec<_> = by_user.filter_map(|call| names.location(call)).collect();
            lines.dedup();
            (function, lines)
        })
        .filter(|(_, lines)| !lines.is_empty())
        .collect()
}
