//! Where the fields of `runtime.g` are: from DWARF, else by Go version, else only what never moved.

use super::{GoVersion, dwarf::StructFields};

/// Where the offsets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutSource {
    /// Read from this binary's debug information.
    Dwarf,
    /// The Go version is one whose offsets are known.
    Version,
    /// Neither: only the fields that have the same offset in every version from 1.21 to 1.27.
    Unknown,
}

/// Offsets of fields of `runtime.g`, in bytes (src/runtime/runtime2.go).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GLayout {
    pub stack_lo: u32,
    pub stack_hi: u32,
    pub m: u32,
    pub sched_sp: u32,
    pub sched_pc: u32,
    pub sched_bp: Option<u32>,
    pub atomicstatus: Option<u32>,
    pub goid: Option<u32>,
    pub waitreason: Option<u32>,
    pub gopc: Option<u32>,
    pub startpc: Option<u32>,
    pub parent_goid: Option<u32>,
    /// Stack and program counter at which the goroutine entered a system call; 0 outside of one.
    pub syscallsp: Option<u32>,
    pub syscallpc: Option<u32>,
    /// The frame pointer there, since Go 1.23.
    pub syscallbp: Option<u32>,
    /// When the goroutine was first seen blocked by a collection, by the monotonic clock.
    pub waitsince: Option<u32>,
    /// The `m` that the goroutine is locked to, or 0.
    pub lockedm: Option<u32>,
    /// How often the goroutine has stopped running, a byte.
    pub tracking_seq: Option<u32>,
    pub source: LayoutSource,
}

/// {sched.bp, atomicstatus, goid, waitreason, gopc, startpc, parentGoid, syscallsp, syscallpc, waitsince,
/// lockedm}, read from DWARF of the minor's releases; they are the same in all patch releases of a minor that
/// were compared.
const BY_MINOR: &[(u32, [u32; 11])] = &[
    (21, [104, 144, 152, 176, 280, 296, 272, 112, 120, 168, 208]),
    (22, [104, 144, 152, 176, 280, 296, 272, 112, 120, 168, 208]),
    (23, [104, 152, 160, 184, 288, 304, 280, 112, 120, 176, 216]),
    (24, [104, 152, 160, 184, 288, 304, 280, 112, 120, 176, 216]),
    (25, [96, 144, 152, 176, 280, 296, 272, 104, 112, 168, 208]),
    (26, [96, 144, 152, 176, 288, 304, 280, 104, 112, 168, 208]),
    (27, [96, 144, 152, 176, 288, 304, 280, 104, 112, 168, 208]),
];

/// The first minor release that keeps the frame pointer of system calls, behind `syscallpc`.
const SYSCALLBP_SINCE: u32 = 23;

/// `trackingSeq` lies so far behind `waitreason`, up to a minor release, and in all later ones.
const TRACKING_SEQ: (u32, u32, u32) = (12, 21, 15);

impl GLayout {
    const STABLE: Self = Self {
        stack_lo: 0,
        stack_hi: 8,
        m: 48,
        sched_sp: 56,
        sched_pc: 64,
        sched_bp: None,
        atomicstatus: None,
        goid: None,
        waitreason: None,
        gopc: None,
        startpc: None,
        parent_goid: None,
        syscallsp: None,
        syscallpc: None,
        syscallbp: None,
        waitsince: None,
        lockedm: None,
        tracking_seq: None,
        source: LayoutSource::Unknown,
    };

    /// Returns the offsets that are known for a version without debug information.
    pub(super) fn by_version(version: Option<GoVersion>) -> Option<Self> {
        let version = version.filter(|version| version.major == 1)?;
        let (minor, fields) = BY_MINOR.iter().find(|(minor, _)| *minor == version.minor)?;
        let [
            sched_bp,
            atomicstatus,
            goid,
            waitreason,
            gopc,
            startpc,
            parent_goid,
            syscallsp,
            syscallpc,
            waitsince,
            lockedm,
        ] = fields.map(Some);
        let (before, until, since) = TRACKING_SEQ;
        let tracking_seq = if *minor <= until { before } else { since };
        Some(Self {
            sched_bp,
            atomicstatus,
            goid,
            waitreason,
            gopc,
            startpc,
            parent_goid,
            syscallsp,
            syscallpc,
            syscallbp: syscallpc
                .filter(|_| *minor >= SYSCALLBP_SINCE)
                .and_then(|offset| offset.checked_add(8)),
            waitsince,
            lockedm,
            tracking_seq: waitreason.and_then(|offset| offset.checked_add(tracking_seq)),
            source: LayoutSource::Version,
            ..Self::STABLE
        })
    }

    pub(super) fn stable() -> Self {
        Self::STABLE
    }

    /// Takes the offsets from the fields of `runtime.g` and `runtime.gobuf`; `None` unless the ones that
    /// every version has are among them.
    pub(super) fn from_dwarf(g: &StructFields, gobuf: &StructFields) -> Option<Self> {
        let [stack, sched] = [g.offset("stack")?, g.offset("sched")?];
        let scheduled = |field| sched.checked_add(gobuf.offset(field)?);
        Some(Self {
            stack_lo: stack,
            stack_hi: stack.checked_add(8)?,
            m: g.offset("m")?,
            sched_sp: scheduled("sp")?,
            sched_pc: scheduled("pc")?,
            sched_bp: scheduled("bp"),
            atomicstatus: g.offset("atomicstatus"),
            goid: Some(g.offset("goid")?),
            waitreason: g.offset("waitreason"),
            gopc: g.offset("gopc"),
            startpc: g.offset("startpc"),
            parent_goid: g.offset("parentGoid"),
            syscallsp: g.offset("syscallsp"),
            syscallpc: g.offset("syscallpc"),
            syscallbp: g.offset("syscallbp"),
            waitsince: g.offset("waitsince"),
            lockedm: g.offset("lockedm"),
            tracking_seq: g.offset("trackingSeq"),
            source: LayoutSource::Dwarf,
        })
    }
}
