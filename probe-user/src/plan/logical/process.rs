//! The process as a whole, and what programs ask the runtime about themselves.

use probe_ebpf::abi::{detail, flag};

use crate::plan::{
    ProbeName,
    hook::{EVENT, Functions, Hook, LogicalProbe, OPERATION, Offsets, Role},
};

pub(super) const PROBES: &[LogicalProbe] = &[
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
    LogicalProbe {
        name: ProbeName::StackDump,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.Stack"]),
            detail: detail::DI | detail::BYTE,
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::GoroutineCount,
        // `runtime.NumGoroutine` and the counting are inlined into their callers, but where it is called as a value.
        hooks: &[Hook {
            functions: Functions::InlinedCopies {
                of: "runtime.gcount",
                into: "runtime.NumGoroutine",
            },
            ..EVENT
        }],
    },
    LogicalProbe {
        name: ProbeName::Caller,
        // `runtime.Callers` is inlined into its callers. The runtime itself takes stacks for its profiles and
        // traces: all of that lies within its own text.
        hooks: &[
            // Both are left by a `ret` only, whose trap takes ten times the call.
            Hook {
                functions: Functions::Named(&["runtime.Caller"]),
                required: false,
                ..EVENT
            },
            Hook {
                functions: Functions::Named(&["runtime.callers"]),
                ignore_calls_from: &[
                    "runtime.Caller",
                    "runtime.mProf_Malloc",
                    "runtime.saveblockevent",
                    "runtime.mcommoninit",
                    "runtime.traceStackID",
                    "runtime.traceStack",
                ],
                required: false,
                ..EVENT
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::Gomaxprocs,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.GOMAXPROCS"]),
            detail: detail::AX | detail::POSITIVE,
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::ReflectField,
        // A look-up takes less than can be told, and where it finds the field it is left by a `ret` only, whose trap is
        // fifty times that.
        hooks: &[Hook {
            functions: Functions::Named(&["reflect.Value.FieldByName"]),
            ..EVENT
        }],
    },
    LogicalProbe {
        name: ProbeName::MapRead,
        // Elements of more than 128 bytes are read by these, never by the variants for small keys; from 1.27
        // the first is a wrapper of the second.
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.mapaccess1"]),
                detail: detail::MAP_ELEMENT,
                offsets: Offsets::MapElement,
                required: false,
                ..EVENT
            },
            Hook {
                functions: Functions::Named(&["runtime.mapaccess2"]),
                detail: detail::MAP_ELEMENT,
                offsets: Offsets::MapElement,
                ignore_calls_from: &["runtime.mapaccess1"],
                required: false,
                ..EVENT
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::BlockProfile,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.saveblockevent"]),
            ..EVENT
        }],
    },
];
