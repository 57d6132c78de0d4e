//! The logical probes of the contract, and the runtime functions that stand for each of them.
//!
//! Functions are found by presence, never by version. Sources: Go 1.21 to 1.27, src/runtime and src/time.

use std::fmt;

use probe_ebpf::abi::flag;

/// The name of a logical probe, as in the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeName {
    GoroutineCreate,
    Alloc,
    ChanSend,
    TimerStart,
    CgoCall,
    StopTheWorld,
    MemStats,
}

/// Every name, in the order of the report.
pub const PROBE_NAMES: [ProbeName; 7] = [
    ProbeName::GoroutineCreate,
    ProbeName::Alloc,
    ProbeName::ChanSend,
    ProbeName::TimerStart,
    ProbeName::CgoCall,
    ProbeName::StopTheWorld,
    ProbeName::MemStats,
];

impl ProbeName {
    /// Returns the name in the report and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoroutineCreate => "goroutine-create",
            Self::Alloc => "alloc",
            Self::ChanSend => "chan-send",
            Self::TimerStart => "timer-start",
            Self::CgoCall => "cgo-call",
            Self::StopTheWorld => "stop-the-world",
            Self::MemStats => "mem-stats",
        }
    }

    /// Returns the number under which the kernel programs know the probe.
    pub const fn index(self) -> u8 {
        self as u8
    }

    /// Returns the name with that number.
    pub fn from_index(index: u8) -> Option<Self> {
        PROBE_NAMES.get(usize::from(index)).copied()
    }
}

impl fmt::Display for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A logical probe: its hooks together make one stream of operations.
#[derive(Debug)]
pub(super) struct LogicalProbe {
    pub(super) name: ProbeName,
    pub(super) hooks: &'static [Hook],
}

impl LogicalProbe {
    /// Returns every function name that any hook may use.
    pub(super) fn candidates(&self) -> Vec<String> {
        self.hooks
            .iter()
            .flat_map(|hook| hook.functions.candidates())
            .collect()
    }
}

/// What a function's entry and exits mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Entry begins an operation, exit ends it.
    Operation,
    /// Only the entry counts: it begins an operation that another function ends.
    Begin,
    /// Only the exits count.
    End,
    /// The entry ends the operations of its callers by panic.
    Panic,
}

/// One or more functions that are read in the same way.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) functions: Functions,
    pub(super) role: Role,
    pub(super) flags: u16,
    /// Calls that come from this function are not operations of their own.
    pub(super) ignore_calls_from: Option<&'static str>,
    /// Without any of the functions the probe is skipped.
    pub(super) required: bool,
}

/// The names a hook looks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Functions {
    /// All that are present.
    Named(&'static [&'static str]),
    /// The allocators that Go generates per size class, from 1.27 (1.26 with
    /// GOEXPERIMENT=sizespecializedmalloc): src/runtime/malloc_generated.go.
    SizeSpecialized,
}

/// Largest suffix of a generated allocator that any Go version has or has announced, doubled.
const MAX_SIZE_CLASS: u32 = 68;

impl Functions {
    pub(super) fn candidates(self) -> Vec<String> {
        match self {
            Self::Named(names) => names.iter().map(|&name| name.to_owned()).collect(),
            Self::SizeSpecialized => ["TinySC", "TinySize", "SmallNoScanSC", "SmallScanNoHeaderSC"]
                .iter()
                .flat_map(|family| {
                    (0..=MAX_SIZE_CLASS)
                        .map(move |class| format!("runtime.mallocgc{family}{class}"))
                })
                .collect(),
        }
    }
}

const OPERATION: Hook = Hook {
    functions: Functions::Named(&[]),
    role: Role::Operation,
    flags: 0,
    ignore_calls_from: None,
    required: true,
};

pub(super) const LOGICAL_PROBES: [LogicalProbe; 7] = [
    LogicalProbe {
        name: ProbeName::GoroutineCreate,
        // Always on g0; the caller's goroutine and return address are its second and third argument.
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.newproc1"]),
            flags: flag::CALLER_IN_BX_CX | flag::CROSS_STACK,
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::Alloc,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.mallocgc"]),
                flags: flag::BYTES_IN_AX,
                ..OPERATION
            },
            Hook {
                functions: Functions::SizeSpecialized,
                flags: flag::BYTES_IN_AX,
                ignore_calls_from: Some("runtime.mallocgc"),
                required: false,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::ChanSend,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.chansend"]),
                ..OPERATION
            },
            // A send on a closed channel leaves by panic and passes no exit.
            Hook {
                functions: Functions::Named(&["runtime.gopanic"]),
                role: Role::Panic,
                required: false,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::TimerStart,
        // `time.newTimer` from 1.23, `time.startTimer` before; both are bodies in package runtime.
        hooks: &[Hook {
            functions: Functions::Named(&["time.newTimer", "time.startTimer"]),
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::CgoCall,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.cgocall"]),
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::StopTheWorld,
        // Every variant runs through this pair, on g0; `worldsema` lets one pass at a time.
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.stopTheWorldWithSema"]),
                role: Role::Begin,
                flags: flag::ONE_AT_A_TIME | flag::CROSS_STACK | flag::REASON_IN_AX,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["runtime.startTheWorldWithSema"]),
                role: Role::End,
                flags: flag::ONE_AT_A_TIME | flag::CROSS_STACK,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::MemStats,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.readmemstats_m"]),
            flags: flag::CROSS_STACK,
            ..OPERATION
        }],
    },
];

/// Names of runtime.stwReason, identical at Go 1.21 to 1.27 (src/runtime/proc.go).
pub fn stop_the_world_reason(reason: u8) -> String {
    const NAMES: [&str; 17] = [
        "unknown",
        "GC mark termination",
        "GC sweep termination",
        "write heap dump",
        "goroutine profile",
        "goroutine profile cleanup",
        "all goroutines stack trace",
        "read mem stats",
        "AllThreadsSyscall",
        "GOMAXPROCS",
        "start trace",
        "stop trace",
        "CountPagesInUse (test)",
        "ReadMetricsSlow (test)",
        "ReadMemStatsSlow (test)",
        "PageCachePagesLeaked (test)",
        "ResetDebugLog (test)",
    ];
    NAMES
        .get(usize::from(reason))
        .map_or_else(|| format!("reason {reason}"), |&n| n.to_owned())
}
