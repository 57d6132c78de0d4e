//! Goroutines: how they are made, run, wait, and grow.

use probe_ebpf::abi::{detail, flag, key, note};

use crate::plan::{
    ProbeName,
    hook::{EVENT, Functions, Hook, LogicalProbe, OPERATION, Offsets, Role},
};

pub(super) const PROBES: &[LogicalProbe] = &[
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
        name: ProbeName::GoroutineRun,
        // From when the scheduler first runs it, on g0, to its end, on itself. Coroutines (iter.Pull) pass
        // neither. `g.waitreason` is set by every park and cleared when a goroutine begins and ends.
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.execute"]),
                role: Role::Begin,
                flags: flag::STARTS_AX,
                key: key::AX,
                offsets: Offsets::GoStatement,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["runtime.goexit1"]),
                role: Role::EndAtEntry,
                flags: flag::MAY_HAVE_NO_BEGIN,
                key: key::GOROUTINE,
                note: note::BYTE_OF_G,
                offsets: Offsets::WaitReason,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::Park,
        // Until the scheduler runs it again: the exits of `gopark` would have to be single-stepped.
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.gopark"]),
                role: Role::Begin,
                key: key::GOROUTINE,
                detail: detail::CX | detail::BYTE,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["runtime.execute"]),
                role: Role::EndAtEntry,
                flags: flag::MAY_HAVE_NO_BEGIN,
                key: key::AX,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::ThreadLock,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.LockOSThread"]),
            ..EVENT
        }],
    },
    LogicalProbe {
        name: ProbeName::Gosched,
        // `runtime.Gosched` is inlined into its callers: what it does runs on g0, by `mcall`.
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.gosched_m"]),
            flags: flag::PATH_OF_AX,
            offsets: Offsets::SchedBp,
            ..EVENT
        }],
    },
    LogicalProbe {
        name: ProbeName::StackGrowth,
        // The collector shrinks stacks by the same function.
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.copystack"]),
            flags: flag::PATH_OF_AX | flag::GROWING,
            offsets: Offsets::SchedBp,
            only_calls_from: Some("runtime.newstack"),
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::Defer,
        // Defers of which the compiler knows how often they run call nothing.
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.deferproc", "runtime.deferprocat"]),
            ..EVENT
        }],
    },
];
