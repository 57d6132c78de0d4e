//! Lines of the program that call what leaves something behind: a setting that was made, or a thread that was locked,
//! before anybody looked.

use std::collections::BTreeMap;

use crate::{
    analyze::{Frame, GoBinary},
    observed::{RuntimeSettings, State},
    report::Location,
};

/// The usual rate of the CPU profiler; another one was asked for.
const USUAL_HZ: u32 = 100;

type Shows = fn(&State, &RuntimeSettings) -> bool;

/// Functions, and whether a state shows that they may have been called.
const LEAVE_BEHIND: [(&str, Shows); 6] = [
    ("runtime.LockOSThread", |state, _| {
        (state.census.as_ref()).is_some_and(|census| !census.locked_to_thread.is_empty())
    }),
    ("runtime.SetBlockProfileRate", |_, settings| {
        settings.block_profile_rate_ns.is_some_and(|ns| ns > 0)
    }),
    ("runtime.SetCPUProfileRate", |_, settings| {
        settings.cpu_profile_hz.is_some_and(|hz| hz > USUAL_HZ)
    }),
    ("runtime/pprof.StartCPUProfile", |_, settings| {
        settings.cpu_profile_hz.is_some_and(|hz| hz > 0)
    }),
    ("runtime/trace.Start", |_, settings| {
        settings.tracing == Some(true)
    }),
    ("runtime/trace.(*FlightRecorder).Start", |_, settings| {
        settings.tracing == Some(true)
    }),
];

/// Returns by function which lines of the user's code call it, of those whose effect `state` shows.
pub fn callers(state: &State, binary: &GoBinary) -> BTreeMap<String, Vec<Location>> {
    let shown = LEAVE_BEHIND
        .iter()
        .filter(|(_, shows)| shows(state, &state.settings));
    let wanted: Vec<&str> = shown.map(|(name, _)| *name).collect();
    let found = binary.user_lines_that_call(&wanted).into_iter();
    found
        .map(|(function, frames)| (function, frames.into_iter().map(line).collect()))
        .collect()
}

fn line(frame: Frame) -> Location {
    Location {
        function: frame.function,
        file: frame.file,
        line: frame.line,
    }
}
