//! Goroutines that meet: channels, locks, and timers.

use probe_ebpf::abi::{detail, flag, key, note};

use crate::plan::{
    ProbeName,
    hook::{Functions, Hook, LogicalProbe, MAY_PANIC, OPERATION, Offsets, Role},
};

pub(super) const PROBES: &[LogicalProbe] = &[
    LogicalProbe {
        name: ProbeName::ChanSend,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.chansend"]),
                flags: flag::CHANNEL_IN_AX,
                detail: detail::CHANNEL,
                ..OPERATION
            },
            // A send on a closed channel.
            MAY_PANIC,
        ],
    },
    LogicalProbe {
        name: ProbeName::ChanRecv,
        hooks: &[Hook {
            functions: Functions::Named(&["runtime.chanrecv"]),
            flags: flag::CHANNEL_IN_AX,
            detail: detail::CX | detail::BYTE,
            note: note::AX_FALSE,
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::Select,
        hooks: &[
            Hook {
                functions: Functions::Named(&["runtime.selectgo"]),
                detail: detail::R8 | detail::BYTE,
                note: note::AX_NEGATIVE,
                ..OPERATION
            },
            // A send on a closed channel.
            MAY_PANIC,
        ],
    },
    LogicalProbe {
        name: ProbeName::MutexWait,
        // What a lock calls when it must wait; a lock that is free calls nothing.
        hooks: &[Hook {
            functions: Functions::Named(&[
                "sync.runtime_SemacquireMutex",
                "internal/sync.runtime_SemacquireMutex",
                "sync.runtime_SemacquireRWMutex",
                "sync.runtime_SemacquireRWMutexR",
            ]),
            ..OPERATION
        }],
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
        name: ProbeName::TimerStop,
        hooks: &[Hook {
            functions: Functions::Named(&["time.stopTimer"]),
            note: note::AX_FALSE,
            ..OPERATION
        }],
    },
    LogicalProbe {
        name: ProbeName::TimerFire,
        // From the start of a timer to its end, wherever that is. The two meet at what the timer passes to
        // its function: the channel, or the function of `time.AfterFunc`.
        hooks: &[
            Hook {
                functions: Functions::Named(&["time.newTimer"]),
                role: Role::Begin,
                key: key::SI,
                required: false,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["time.startTimer"]),
                role: Role::Begin,
                key: key::WORD_AT_AX,
                offsets: Offsets::TimerArgument,
                required: false,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["time.stopTimer"]),
                role: Role::EndAtEntry,
                flags: flag::MAY_HAVE_NO_BEGIN,
                key: key::WORD_AT_AX,
                note: note::ALWAYS,
                offsets: Offsets::TimerArgument,
                required: false,
                ..OPERATION
            },
            Hook {
                functions: Functions::Named(&["time.sendTime", "time.goFunc"]),
                role: Role::EndAtEntry,
                flags: flag::MAY_HAVE_NO_BEGIN,
                key: key::BX,
                required: false,
                ..OPERATION
            },
        ],
    },
];
