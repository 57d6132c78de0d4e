//! The bytes of a `runtime.g` to what they say of a goroutine.

use crate::analyze::GLayout;

/// Set while the collector, or another goroutine, looks at a stack (src/runtime/runtime2.go).
const SCAN: u32 = 0x1000;

/// What a goroutine does, `_Grunnable` and so on in src/runtime/runtime2.go, the same in Go 1.21 to 1.27;
/// `_Gleaked` and `_Gdeadextra` since 1.26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Status {
    Runnable,
    Running,
    Syscall,
    Waiting,
    /// Its stack is being moved.
    CopyStack,
    Preempted,
    Leaked,
    Unknown,
}

impl Status {
    /// `None` for what is no goroutine: not yet, or not any more.
    fn of(word: u32) -> Option<Self> {
        match word & !SCAN {
            0 | 5 | 6 | 7 | 11 => None,
            1 => Some(Self::Runnable),
            2 => Some(Self::Running),
            3 => Some(Self::Syscall),
            4 => Some(Self::Waiting),
            8 => Some(Self::CopyStack),
            9 => Some(Self::Preempted),
            10 => Some(Self::Leaked),
            _ => Some(Self::Unknown),
        }
    }

    /// The name that Go's stack traces use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Runnable => "runnable",
            Self::Running => "running",
            Self::Syscall => "syscall",
            Self::Waiting => "waiting",
            Self::CopyStack => "copystack",
            Self::Preempted => "preempted",
            Self::Leaked => "leaked",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the runtime keeps a reason for it.
    pub(super) fn has_reason(self) -> bool {
        matches!(self, Self::Waiting | Self::Preempted | Self::Leaked)
    }
}

/// A goroutine, as far as its `g` tells; addresses are the process's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goroutine {
    pub(super) status: Status,
    pub(super) goid: u64,
    pub(super) wait_reason: u8,
    /// By the monotonic clock; 0: not noted.
    pub(super) waitsince: u64,
    pub(super) gopc: u64,
    pub(super) startpc: u64,
    /// The `m` that it is locked to, or 0.
    pub(super) lockedm: u64,
    pub(super) stack: (u64, u64),
    /// Where it stands; `None` while it runs.
    pub(super) saved: Option<Saved>,
}

/// Saved registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Saved {
    pub(super) pc: u64,
    pub(super) sp: u64,
    /// `None`: it was not saved, as in system calls up to Go 1.22.
    pub(super) bp: Option<u64>,
}

/// Reads `g`s of one layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoder {
    layout: GLayout,
    fields: Fields,
    len: usize,
}

/// The fields without which nothing can be said.
#[derive(Clone, Copy, Debug)]
struct Fields {
    atomicstatus: u32,
    goid: u32,
    waitreason: u32,
    gopc: u32,
    startpc: u32,
    sched_bp: u32,
}

impl Decoder {
    /// `None` where the layout is not known.
    pub(super) fn new(layout: GLayout) -> Option<Self> {
        let fields = Fields {
            atomicstatus: layout.atomicstatus?,
            goid: layout.goid?,
            waitreason: layout.waitreason?,
            gopc: layout.gopc?,
            startpc: layout.startpc?,
            sched_bp: layout.sched_bp?,
        };
        let last = [
            fields.atomicstatus,
            fields.goid,
            fields.waitreason,
            fields.gopc,
            fields.startpc,
            fields.sched_bp,
            layout.stack_hi,
            layout.sched_pc,
            layout.sched_sp,
        ]
        .into_iter()
        .chain(layout.lockedm)
        .chain(layout.waitsince)
        .chain(layout.syscallbp)
        .chain(layout.syscallpc)
        .chain(layout.syscallsp)
        .max()?;
        // No `g` is larger than some hundred bytes.
        let len = last.checked_add(8).filter(|len| *len <= 4096)?;
        Some(Self {
            layout,
            fields,
            len: len as usize,
        })
    }

    /// Returns how many bytes of a `g` are read.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// `None` for a `g` that is no goroutine now.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<Goroutine> {
        let Self { layout, fields, .. } = self;
        let word = |offset: u32| {
            let word = bytes.get(offset as usize..)?.first_chunk()?;
            Some(u64::from_le_bytes(*word))
        };
        let maybe = |offset: Option<u32>| offset.and_then(word).unwrap_or(0);
        let status = Status::of(word(fields.atomicstatus)? as u32)?;
        let saved = match status {
            Status::Syscall if maybe(layout.syscallsp) != 0 => Some(Saved {
                pc: maybe(layout.syscallpc),
                sp: maybe(layout.syscallsp),
                bp: layout.syscallbp.and_then(word),
            }),
            // Between entering and leaving a system call there are moments without.
            Status::Syscall | Status::Running | Status::CopyStack | Status::Unknown => None,
            _ => Some(Saved {
                pc: word(layout.sched_pc)?,
                sp: word(layout.sched_sp)?,
                bp: word(fields.sched_bp),
            }),
        };
        Some(Goroutine {
            status,
            goid: word(fields.goid)?,
            wait_reason: *bytes.get(fields.waitreason as usize)?,
            waitsince: maybe(layout.waitsince),
            gopc: word(fields.gopc)?,
            startpc: word(fields.startpc)?,
            lockedm: maybe(layout.lockedm),
            stack: (word(layout.stack_lo)?, word(layout.stack_hi)?),
            saved,
        })
    }
}
