//! A running target to its state, without a probe: goroutines, counters, settings, limits.
//!
//! Everything is read from `/proc`, the cgroup and the target's memory, while the target runs on: nothing is
//! written, nobody waits. What takes several reads may be of different moments; where that could show
//! something that never was, it is read twice and compared. A target may be hostile: sizes, counts and the
//! time are bounded.

mod callers;
mod census;
#[cfg(feature = "kernel")]
mod channel;
mod counters;
mod cpu_limit;
mod goroutine;
mod heap_profile;
mod memory;
mod names;
mod runtime;
mod settings;
mod stacks;
mod threads;
mod wait_reasons;
mod walk;

use std::io;

#[cfg(feature = "kernel")]
pub(crate) use self::channel::{ChannelLayout, ChannelReader, Distances, Doubt, Flow, Untold};
use self::{
    census::Taker,
    counters::Allocated,
    memory::Memory,
    names::Names,
    runtime::{Found, Runtime},
};
use crate::{
    address::{LoadBias, ProcAddr},
    analyze::GoBinary,
    discover::{ProcFs, Target},
    observed::{Census, CpuLimit, RuntimeCounters, RuntimeSettings, State},
};

pub use callers::callers;

/// Why a part of the state can't be read.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the layout of `runtime.{of}` is not known for this Go version")]
    Layout { of: &'static str },
    #[error("the address of `runtime.{name}` was not found")]
    Variable { name: &'static str },
    #[error("failed to read `{what}` from the target's memory")]
    Memory {
        what: &'static str,
        source: io::Error,
    },
    #[error("`runtime.{what}` makes no sense: {found}")]
    Implausible { what: &'static str, found: String },
    #[error("the program does not link the memory profiler, or has switched it off")]
    NoMemoryProfile,
    #[error("the target ended or executed another program while it was read")]
    Gone,
}

impl StateError {
    /// Whether the system did not allow to look.
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Memory { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether there is nobody to look at any more.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Gone => true,
            Self::Memory { source, .. } => source.raw_os_error() == Some(libc::ESRCH),
            _ => false,
        }
    }

    fn memory(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Memory { what, source }
    }
}

/// Takes a census of all goroutines of `target`, which runs `binary` with `bias`.
pub fn census(target: &Target, binary: &GoBinary, bias: LoadBias) -> Result<Census, StateError> {
    let memory = Memory::of(target, bias);
    let names = Names::of(binary);
    let census = Taker::new(&memory, binary, &names)?.take()?;
    if memory.is_of_target() {
        Ok(census)
    } else {
        Err(StateError::Gone)
    }
}

/// Reads everything that can be known of `target` without a probe. What can't be read is `None`, and a
/// sentence in [`State::unreadable`] says why.
///
/// `elapsed_ns` is the time since the recording began.
pub fn read(target: &Target, binary: &GoBinary, bias: LoadBias, elapsed_ns: u64) -> State {
    let memory = Memory::of(target, bias);
    let names = Names::of(binary);
    let runtime = Runtime::of(&memory, binary);
    let mut notes = Notes::default();
    let census = Taker::new(&memory, binary, &names).and_then(Taker::take);
    let census = notes.keep("goroutines", census);
    let mut state = State {
        elapsed_ns,
        cpu_time_ns: target.cpu_time_ns().ok(),
        cpu_wait_ns: threads::cpu_wait_ns(&ProcFs::host(), target.pid).ok(),
        gomaxprocs: notes
            .keep("GOMAXPROCS", runtime.processors())
            .map(|(len, _)| len as u32),
        cpu_limit: cpu_limit(target),
        counters: counters(&runtime, census.as_ref(), &mut notes),
        settings: settings(&runtime, &mut notes),
        heap_profile: notes.keep("memory profile", runtime.heap_profile(&names)),
        census,
        unreadable: notes.0,
    };
    if !memory.is_of_target() {
        // What was read may be of another program.
        state = State {
            elapsed_ns,
            unreadable: vec![StateError::Gone.to_string()],
            ..State::default()
        };
    }
    state
}

/// Returns where the scheduler's processors are, as far as that can be read.
pub fn processors(target: &Target, binary: &GoBinary, bias: LoadBias) -> Vec<ProcAddr> {
    let memory = Memory::of(target, bias);
    let processors = Runtime::of(&memory, binary).processors();
    processors.map(|(_, all)| all).unwrap_or_default()
}

/// Returns where the scheduler has the number of goroutines that were started, `runtime.sched.goidgen`.
pub fn goidgen(binary: &GoBinary, bias: LoadBias) -> Option<ProcAddr> {
    binary.runtime_globals().sched.map(|at| at.in_process(bias))
}

/// Returns what looks at the target's channels, where it is known what they look like.
#[cfg(feature = "kernel")]
pub(crate) fn channels(
    target: &Target,
    binary: &GoBinary,
    bias: LoadBias,
) -> Option<ChannelReader> {
    let layout = ChannelLayout {
        sendx: binary.runtime_layout().hchan_sendx?,
        tracking_seq: binary.g_layout().tracking_seq,
    };
    let text = binary.exec_segments().first()?.vaddr.in_process(bias);
    Some(ChannelReader::new(target.pid, layout, text))
}

/// Reads only what takes no time, without the goroutines, the memory profile and the [`cpu_limit`]: what two readings
/// some moments apart tell rates by.
///
/// `elapsed_ns` is the time since the recording began.
pub fn glance(target: &Target, binary: &GoBinary, bias: LoadBias, elapsed_ns: u64) -> State {
    let memory = Memory::of(target, bias);
    let runtime = Runtime::of(&memory, binary);
    let mut notes = Notes::default();
    let counters = counters(&runtime, None, &mut notes);
    let gomaxprocs = notes.keep("GOMAXPROCS", runtime.processors());
    State {
        elapsed_ns,
        cpu_time_ns: target.cpu_time_ns().ok(),
        gomaxprocs: gomaxprocs.map(|(len, _)| len as u32),
        counters,
        settings: settings(&runtime, &mut notes),
        unreadable: notes.0,
        ..State::default()
    }
}

/// Returns how much CPU `target` may take, as far as that can be read.
pub fn cpu_limit(target: &Target) -> Option<CpuLimit> {
    cpu_limit::read(&ProcFs::host(), target.pid).ok()
}

/// Returns the state of a process that has not begun to run: it has counted nothing.
pub fn of_new_process() -> State {
    let none = Some(0);
    State {
        cpu_time_ns: none,
        cpu_wait_ns: none,
        counters: RuntimeCounters {
            goroutines_created: none,
            gc_cycles: none,
            forced_gc_cycles: none,
            gc_pause_ns: none,
            gc_mark_cpu_ns: none,
            gc_assist_cpu_ns: none,
            allocated_objects: none,
            allocated_bytes: none,
            allocated_by_class: Some(Vec::new()),
            cgo_calls: none,
            ..RuntimeCounters::default()
        },
        heap_profile: Some(Vec::new()),
        ..State::default()
    }
}

fn counters(runtime: &Runtime<'_>, census: Option<&Census>, notes: &mut Notes) -> RuntimeCounters {
    let users = |census: &Census| {
        let users = census.groups.iter().filter(|group| !group.system);
        users.map(|group| group.count).sum()
    };
    let cycles = notes.keep("collections", runtime.gc_cycles());
    let gc_cpu = notes.keep("CPU time of collections", runtime.gc_cpu_ns());
    let allocated = notes.keep("allocations", runtime.allocated());
    RuntimeCounters {
        goroutines_created: notes.keep("goroutines created", runtime.goroutines_created()),
        goroutines: census.map(users),
        gc_cycles: cycles.map(|(all, _)| all),
        forced_gc_cycles: cycles.map(|(_, forced)| forced),
        gc_pause_ns: notes.keep("pauses", runtime.gc_pause_ns()),
        gc_mark_cpu_ns: gc_cpu.map(|(all, _)| all),
        gc_assist_cpu_ns: gc_cpu.map(|(_, assists)| assists),
        allocated_objects: allocated.as_ref().map(Allocated::objects),
        allocated_bytes: allocated.as_ref().map(|allocated| allocated.bytes),
        allocated_by_class: allocated.map(|allocated| allocated.by_class),
        heap_live_bytes: notes.keep("live heap", runtime.heap_live_bytes()),
        cgo_calls: notes.keep("calls to C", runtime.cgo_calls()),
        timers: notes.keep("timers", runtime.timers()),
    }
}

fn settings(runtime: &Runtime<'_>, notes: &mut Notes) -> RuntimeSettings {
    RuntimeSettings {
        cpu_profile_hz: notes.keep("CPU profiler", runtime.cpu_profile_hz()),
        cpu_profile: notes.keep("CPU profile", runtime.cpu_profile()),
        block_profile_rate_ns: notes.keep("block profiler", runtime.block_profile_rate_ns()),
        mutex_profile_fraction: notes.keep("mutex profiler", runtime.mutex_profile_fraction()),
        mem_profile_rate: notes.keep("memory profiler", runtime.mem_profile_rate()),
        tracing: notes.keep("execution tracer", runtime.tracing()),
        gc_percent: notes.keep("GOGC", runtime.gc_percent()).flatten(),
        memory_limit_bytes: notes
            .keep("memory limit", runtime.memory_limit_bytes())
            .flatten(),
    }
}

/// What could not be read and why, in sentences.
#[derive(Debug, Default)]
struct Notes(Vec<String>);

impl Notes {
    fn keep<T>(&mut self, what: &str, found: Found<T>) -> Option<T> {
        found
            .map_err(|error| {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                let cause = cause.unwrap_or_default();
                self.0.push(format!("{what} can't be read: {error}{cause}"));
            })
            .ok()
    }
}
