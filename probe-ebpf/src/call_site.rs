//! From the frame of a probed function to the row of its call path.

use aya_ebpf::bindings::{BPF_NOEXIST, pt_regs};
use probe_ebpf::abi::{
    CallPath, MAX_FRAMES, MAX_ROWS, RowKey, Site, TEXT_GRANULE_SHIFT, TEXT_WORD_SHIFT, flag,
};

use crate::{
    atomic::fetch_add,
    go_abi::{Calls, Frame, read_user},
    maps::{CALL_PATHS, N_ROWS, ROW_OF, TEXT_BASE, USER_TEXT, global},
};

/// FNV-1a's prime: one multiplication per frame mixes well enough for a hash of at most 32 addresses.
const HASH_PRIME: u64 = 0x0000_0100_0000_01b3;
const HASH_SEED: u64 = 0xcbf2_9ce4_8422_2325;

const NO_ROW: u32 = u32::MAX;

/// A finished walk.
struct Path {
    hash: u64,
    /// The last return address visited, as a virtual address of the file.
    pc: u64,
}

/// Returns the number of the row for the call path of `frame`, or `None` when there is no room for it.
#[inline(always)]
pub(crate) fn row_of(regs: &pt_regs, site: &Site, frame: &Frame, calls: &Calls) -> Option<u32> {
    let path = walk(regs, site, frame, calls, None);
    let key = RowKey {
        path_hash: path.hash,
        pc: path.pc,
        probe: site.probe,
        reason: reason(regs, site),
        padding: [0; 6],
    };
    // SAFETY: rows are never deleted, so that the reference stays valid while it is copied.
    if let Some(row) = unsafe { ROW_OF.get(&key) } {
        return Some(*row);
    }
    let row = add_row(regs, site, frame, calls, &key);
    (row != NO_ROW).then_some(row)
}

/// Returns who called, from the registers where they tell it.
#[inline(always)]
pub(crate) fn calls(regs: &pt_regs, site: &Site, frame: &Frame) -> Option<Calls> {
    if site.flags & flag::CALLER_IN_BX_CX != 0 && is_user(regs.rcx.wrapping_sub(frame.bias)) {
        return Some(Calls::known(regs.rbp, regs.rcx));
    }
    Calls::at(regs, site, frame)
}

#[inline(always)]
fn reason(regs: &pt_regs, site: &Site) -> u8 {
    if site.flags & flag::REASON_IN_AX == 0 {
        0
    } else {
        regs.rax as u8
    }
}

/// Not inlined: it runs once per call path, and the hot programs stay small. Returns [`NO_ROW`] where there is
/// no room: an `Option` would be a sixth argument, and functions of the kernel take five.
#[inline(never)]
fn add_row(regs: &pt_regs, site: &Site, frame: &Frame, calls: &Calls, key: &RowKey) -> u32 {
    let Some(n_rows) = N_ROWS.get_ptr_mut(0) else {
        return NO_ROW;
    };
    // SAFETY: a pointer into a map value, valid as long as the program runs.
    let row = unsafe { fetch_add(n_rows, 1) };
    if row >= u64::from(MAX_ROWS) {
        return NO_ROW;
    }
    let row = row as u32;
    let Some(path) = CALL_PATHS.get_ptr_mut(row) else {
        return NO_ROW;
    };
    // SAFETY: as above; nobody else has this row's number before it is published below.
    let path = unsafe { &mut *path };
    path.probe = key.probe;
    path.reason = key.reason;
    walk(regs, site, frame, calls, Some(path));
    if ROW_OF.insert(key, &row, u64::from(BPF_NOEXIST)).is_ok() {
        return row;
    }
    // Another CPU was faster with the same path, and this number is left unused.
    path.n_frames = 0;
    // SAFETY: as in `row_of`.
    unsafe { ROW_OF.get(key) }.copied().unwrap_or(NO_ROW)
}

/// Walks outwards until the first frame of the user's own code.
///
/// One 16-byte read per frame at most. Frames on another stack are followed only where the site says that the
/// function runs by `systemstack`: up to Go 1.24 the frames of a timer that runs on g0 lead through
/// `mcall` into whatever goroutine was parked there.
#[inline(always)]
fn walk(
    regs: &pt_regs,
    site: &Site,
    frame: &Frame,
    calls: &Calls,
    mut keep: Option<&mut CallPath>,
) -> Path {
    let mut path = Path {
        hash: HASH_SEED,
        pc: 0,
    };
    let mut next = [calls.frame, calls.return_address];
    let mut low = frame.return_slot;
    let mut may_cross = site.flags & flag::CROSS_STACK != 0;
    if site.flags & flag::CALLER_IN_BX_CX != 0 {
        may_cross = regs.rbx != frame.g;
    }
    for n in 0..MAX_FRAMES {
        path.pc = next[1].wrapping_sub(frame.bias);
        path.hash = (path.hash ^ path.pc).wrapping_mul(HASH_PRIME);
        let found = is_user(path.pc);
        if let Some(out) = keep.as_deref_mut() {
            if let Some(slot) = out.frames.get_mut(n) {
                *slot = path.pc;
            }
            out.n_frames = n as u32 + 1;
            out.found_user = u8::from(found);
        }
        let at = next[0];
        if found || at == 0 {
            break;
        }
        if at <= low || at >= frame.stack_high {
            if !may_cross {
                break;
            }
            // From g0's stack to the goroutine's: once, and from there its bounds are not known.
            low = 0;
        } else {
            low = at;
        }
        next = if n == 0 && calls.saved[1] != 0 {
            calls.saved
        } else if let Some(saved) = read_user(at) {
            saved
        } else {
            break;
        };
    }
    path
}

/// Returns whether the call before the return address `pc` is in the user's text.
#[inline(always)]
fn is_user(pc: u64) -> bool {
    let offset = pc.wrapping_sub(1).wrapping_sub(global(&TEXT_BASE));
    let Ok(word) = u32::try_from(offset >> TEXT_WORD_SHIFT) else {
        return false;
    };
    USER_TEXT
        .get(word)
        .is_some_and(|word| word >> (offset >> TEXT_GRANULE_SHIFT & 63) & 1 != 0)
}
