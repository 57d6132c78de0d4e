//! What a run sees beside its probes: the state of the process and of its runtime, and samples of its CPU time.
//!
//! Plain values without behaviour: one part reads them from the target, recordings carry them, rules judge them.
//! Absent knowledge is `None`, never 0.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::report::{GoroutineGroup, StackFrame};

/// State read at one moment, without a probe: from `/proc`, the cgroup and the target's memory.
///
/// Counters only ever grow, so that the difference of two readings is what happened in between.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Nanoseconds since the start of the recording.
    pub elapsed_ns: u64,
    /// CPU time of all threads since the process started.
    pub cpu_time_ns: Option<u64>,
    /// How long the threads that are there could have run and did not: the host ran something else.
    pub cpu_wait_ns: Option<u64>,
    pub gomaxprocs: Option<u32>,
    pub cpu_limit: Option<CpuLimit>,
    pub counters: RuntimeCounters,
    pub settings: RuntimeSettings,
    /// Every goroutine, grouped.
    pub census: Option<Census>,
    /// What the runtime's own memory profile holds, one entry per allocating call path.
    pub heap_profile: Option<Vec<HeapSite>>,
    /// What could not be read and why, in sentences.
    pub unreadable: Vec<String>,
}

/// The cgroup's CPU quota (v1 `cpu.cfs_quota_us`, v2 `cpu.max`), the tightest of all ancestors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuLimit {
    /// CPUs; `None`: no quota.
    pub cpus: Option<f64>,
    pub throttled_periods: Option<u64>,
    pub throttled_ns: Option<u64>,
    /// CPUs of the affinity mask.
    pub affinity: Option<u32>,
}

/// The runtime's own counters, since the process started (`facts/free-counters.md`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeCounters {
    pub goroutines_created: Option<u64>,
    pub goroutines: Option<u64>,
    pub gc_cycles: Option<u64>,
    /// Of those, asked for by the program (`runtime.GC`).
    pub forced_gc_cycles: Option<u64>,
    pub gc_pause_ns: Option<u64>,
    /// CPU time of marking: dedicated, fractional and assists, but not on idle CPUs.
    pub gc_mark_cpu_ns: Option<u64>,
    pub gc_assist_cpu_ns: Option<u64>,
    pub allocated_objects: Option<u64>,
    pub allocated_bytes: Option<u64>,
    /// Objects by size class (`internal/runtime/gc/sizeclasses.go`), first those that are larger than all; what is
    /// missing at the end is 0.
    pub allocated_by_class: Option<Vec<u64>>,
    pub heap_live_bytes: Option<u64>,
    pub cgo_calls: Option<u64>,
    pub timers: Option<u64>,
}

/// What the program has switched on in its runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RuntimeSettings {
    /// Hertz; 0: the CPU profiler is off.
    pub cpu_profile_hz: Option<u32>,
    /// Which CPU profile that is: another one has another number; 0: none.
    pub cpu_profile: Option<u64>,
    /// `runtime.SetBlockProfileRate`, nanoseconds; 0: off.
    pub block_profile_rate_ns: Option<u64>,
    /// `runtime.SetMutexProfileFraction`; 0: off.
    pub mutex_profile_fraction: Option<u64>,
    /// Bytes; 0: off.
    pub mem_profile_rate: Option<u64>,
    /// Whether the execution tracer is on.
    pub tracing: Option<bool>,
    /// `GOGC`; `None` also where it is off.
    pub gc_percent: Option<i32>,
    /// `GOMEMLIMIT`; `None` also where there is none.
    pub memory_limit_bytes: Option<i64>,
}

/// All goroutines of one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Census {
    pub total: u64,
    /// Never were there more at once since the process started: the runtime keeps the `g` of one that has ended
    /// for the next, and makes another only where none is free (src/runtime/proc.go `gfget`, `allgadd`).
    pub most_at_once: Option<u64>,
    pub groups: Vec<GoroutineGroup>,
    /// Goroutines locked to a thread by the program's own code, by the stack they are at.
    pub locked_to_thread: Vec<GoroutineGroup>,
    /// Those of them whose thread has namespaces, directories, credentials, an affinity or a priority of its own.
    pub with_own_thread_state: Vec<GoroutineGroup>,
    /// Goroutines whose state changed while it was read.
    pub torn: u64,
}

/// One bucket of the runtime's memory profile; unsampled estimates, as `runtime/pprof` scales them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeapSite {
    /// Innermost first, inlined frames expanded.
    pub stack: Vec<StackFrame>,
    /// Which of them is the innermost of the user's own code.
    pub user_frame: Option<u32>,
    pub allocated_objects: u64,
    pub allocated_bytes: u64,
    /// Variances of the two, for the sampling.
    pub objects_variance: f64,
    pub bytes_variance: f64,
    pub live_objects: u64,
    pub live_bytes: u64,
}

/// Samples of where the target's threads spent CPU time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuSamples {
    pub hertz: u32,
    /// Samples taken, those without a stack included.
    pub total: u64,
    /// Samples whose stack found no room.
    pub lost: u64,
    /// Samples that found the program outside of the runtime and of the kernel.
    pub outside: u64,
    /// What they found, by role of the goroutine (`probe_ebpf::abi::role_of`). Recordings from before that was told apart
    /// have none.
    pub roles: BTreeMap<u16, SampledRole>,
    /// Samples whose stack is not known to its outermost frame.
    pub partial: u64,
    pub stacks: Vec<SampledStack>,
}

impl CpuSamples {
    /// Returns how many samples have one of these functions in their stack.
    pub fn in_functions(&self, functions: &[String]) -> u64 {
        let is_in = |frame: &StackFrame| functions.iter().any(|name| **name == *frame.function);
        let stacks = self.stacks.iter();
        let inside = stacks.filter(|sampled| sampled.stack.iter().any(is_in));
        inside.map(|sampled| sampled.samples).sum()
    }
}

/// What samples found of the goroutines of one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampledRole {
    pub total: u64,
    /// Of those, the ones outside of the runtime and of the kernel.
    pub outside: u64,
}

/// A stack and how often it was sampled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SampledStack {
    /// Innermost first, inlined frames expanded. Code that is not Go is one frame named after the file it
    /// is mapped from, in brackets.
    pub stack: Vec<StackFrame>,
    /// Which of them is the innermost of the user's own code.
    pub user_frame: Option<u32>,
    /// Whether the thread was in the kernel, called by the innermost frame or interrupted there.
    pub in_kernel: bool,
    /// Whether that was for a probe: its trap, its program, the probed instruction's emulation.
    pub probing: bool,
    pub samples: u64,
}

/// What a hit costs, in nanoseconds of the target's CPU time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// A hit of an emulated site whose program returns at once.
    pub emulated_ns: f64,
    /// The same of a single-stepped one.
    pub stepped_ns: f64,
    /// What the programs do for one operation beyond returning at once, begin and end together.
    pub operation_ns: f64,
    /// The same for one that has no end; recordings from before it was measured have 0.
    #[serde(default)]
    pub event_ns: f64,
    /// What comes on top where other work of the target has displaced everything from the caches: for an operation,
    /// and for one that has no end. Recordings from before it was measured have 0.
    #[serde(default)]
    pub cold_operation_ns: f64,
    #[serde(default)]
    pub cold_event_ns: f64,
    /// A tick of a clock that a program runs at. Recordings from before it was measured have 0.
    #[serde(default)]
    pub tick_ns: f64,
    /// What the probes add between the two clocks of an operation.
    pub bias_emulated_ns: u64,
    pub bias_stepped_ns: u64,
    /// What the measuring took.
    pub took_ns: u64,
}

/// The probes' own time is measured in a loop, with warm caches. On an operation that comes now and then it is
/// more: what is left of a send into a buffer with room is up to 3.2 times the bias at the median then
/// (`tests/targets/latency`, Go 1.21 and 1.27, Linux 6.18, after other programs had the processors).
const COLD: u64 = 4;

impl Calibration {
    /// Returns below what a latency can't be told from nothing, for operations that begin at an emulated site.
    pub const fn floor_emulated_ns(&self) -> u64 {
        self.bias_emulated_ns.saturating_mul(COLD)
    }

    /// The same for operations that begin at a single-stepped site.
    pub const fn floor_stepped_ns(&self) -> u64 {
        self.bias_stepped_ns.saturating_mul(COLD)
    }

    /// Returns how long the measuring took.
    pub fn took(&self) -> Duration {
        Duration::from_nanos(self.took_ns)
    }
}
