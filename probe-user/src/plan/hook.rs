//! What a logical probe is made of: functions of the runtime, and how their sites are read.

use probe_ebpf::abi::{detail, key, note};

use super::ProbeName;

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
            .flat_map(|hook| {
                let others = hook.ignore_calls_from.iter().copied();
                let others = others.chain(hook.only_calls_from).map(str::to_owned);
                hook.functions.candidates().into_iter().chain(others)
            })
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
    /// The entry ends an operation that another function began.
    EndAtEntry,
    /// The entry is an operation without a duration.
    Event,
    /// The call through a pointer in the function's middle is an operation without a duration.
    EventAtIndirectCall,
    /// The entry ends the operations of its callers by panic.
    Panic,
}

/// One or more functions that are read in the same way.
#[derive(Debug)]
pub(super) struct Hook {
    pub(super) functions: Functions,
    pub(super) role: Role,
    /// `probe_ebpf::abi::flag`.
    pub(super) flags: u16,
    /// `probe_ebpf::abi::detail`, read where an operation begins.
    pub(super) detail: u8,
    /// `probe_ebpf::abi::note`, read where an operation ends.
    pub(super) note: u8,
    /// `probe_ebpf::abi::key`.
    pub(super) key: u8,
    pub(super) offsets: Offsets,
    /// Calls that come from these functions, or from between them, are not operations of their own.
    pub(super) ignore_calls_from: &'static [&'static str],
    /// Only calls from this function are operations.
    pub(super) only_calls_from: Option<&'static str>,
    /// Without any of the functions the probe is skipped.
    pub(super) required: bool,
}

pub(super) const OPERATION: Hook = Hook {
    functions: Functions::Named(&[]),
    role: Role::Operation,
    flags: 0,
    detail: detail::NONE,
    note: note::NEVER,
    key: key::FRAME,
    offsets: Offsets::None,
    ignore_calls_from: &[],
    only_calls_from: None,
    required: true,
};

pub(super) const EVENT: Hook = Hook {
    role: Role::Event,
    ..OPERATION
};

/// Operations that leave by panic pass no exit.
pub(super) const MAY_PANIC: Hook = Hook {
    functions: Functions::Named(&["runtime.gopanic"]),
    role: Role::Panic,
    required: false,
    ..OPERATION
};

/// Fields of the runtime's structs that the kernel programs read at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offsets {
    None,
    /// `g.sched.bp`.
    SchedBp,
    /// `g.startpc` and `g.gopc`.
    GoStatement,
    /// `g.waitreason`.
    WaitReason,
    /// The data pointer of the timer's `arg`, in what `time.stopTimer` gets.
    TimerArgument,
    /// `MapType.Elem`, and the size of the largest element that does not count.
    MapElement,
}

/// The names a hook looks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Functions {
    /// All that are present.
    Named(&'static [&'static str]),
    /// The allocators that Go generates per size class, from 1.27 (1.26 with
    /// GOEXPERIMENT=sizespecializedmalloc): src/runtime/malloc_generated.go.
    SizeSpecialized,
    /// The copies of a function that were inlined into the user's own code, each an operation where its loop begins; and
    /// the copy in the function `into` that the user's code calls where it does so through a value.
    InlinedCopies {
        of: &'static str,
        into: &'static str,
    },
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
            Self::InlinedCopies { into, .. } => vec![into.to_owned()],
        }
    }
}
