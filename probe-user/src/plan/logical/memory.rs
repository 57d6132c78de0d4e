//! Memory: allocation, collection, and what hangs on objects.

use probe_ebpf::abi::{detail, flag};

use crate::plan::{
    ProbeName,
    hook::{EVENT, Functions, Hook, LogicalProbe, OPERATION, Role},
};

const TYPE_IN_BX: u8 = detail::BX | detail::ADDRESS;

pub(super) const PROBES: &[LogicalProbe] = &[
    LogicalProbe {
        name: ProbeName::Alloc,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.mallocgc"]),
                flags: flag::BYTES_IN_AX,
                detail: TYPE_IN_BX,
                ..OPERATION
            },
            Hook {
                functions: Functions::SizeSpecialized,
                flags: flag::BYTES_IN_AX,
                detail: TYPE_IN_BX,
                ignore_calls_from: &["runtime.mallocgc"],
                required: false,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::Gc,
        // `debug.FreeOSMemory` collects too, and has a probe of its own.
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.GC"]),
            ignore_calls_from: &["runtime/debug.freeOSMemory"],
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::GcCycle,
        // One collection at a time; the begin is on the goroutine that triggers it, where it is past all
        // tests, the end on whichever worker terminates marking. It ends where that function begins: in its
        // middle it starts the world, and the next collection with it.
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.gcBgMarkStartWorkers"]),
                role: Role::Begin,
                flags: flag::ONE_AT_A_TIME,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["runtime.gcMarkTermination"]),
                role: Role::EndAtEntry,
                flags: flag::ONE_AT_A_TIME,
                ..OPERATION
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::GcAssist,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.gcAssistAlloc"]),
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::FreeOsMemory,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime/debug.freeOSMemory"]),
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::Finalizer,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.SetFinalizer"]),
                detail: detail::FUNCTION_AT_DI,
                required: false,
                ..EVENT
            },
            Hook {
                functions: Functions::Named(&["runtime.addCleanup"]),
                required: false,
                ..EVENT
            },
        ],
    },
    LogicalProbe {
        name: ProbeName::PoolMiss,
        // The only call through a pointer is that of `Pool.New`.
        hooks: &[Hook {
            functions: Functions::Named(&["sync.(*Pool).Get"]),
            role: Role::EventAtIndirectCall,
            ..EVENT
        }],
    },
];
