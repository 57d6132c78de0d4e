//! From the frame of a probed function to the row of its call path.

use aya_ebpf::{
    bindings::{BPF_NOEXIST, pt_regs},
    helpers::generated::bpf_probe_read_kernel,
    maps::Array,
};
use probe_ebpf::abi::{
    CallPath, MAX_FRAMES, MAX_ROWS, RowKey, Site, TEXT_GRANULE_SHIFT, TEXT_WORD_SHIFT, flag,
};

use crate::{
    atomic::fetch_add,
    detail,
    go_abi::{Frame, read_user},
    maps::{CALL_PATHS, N_ROWS, OWN_TEXT, ROW_OF, TEXT_BASE, USER_TEXT, global},
    role::role_of,
};

/// FNV-1a's prime: one multiplication per frame mixes well enough for a hash of at most 32 addresses.
const HASH_PRIME: u64 = 0x0000_0100_0000_01b3;
const HASH_SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A finished walk.
struct Path {
    hash: u64,
    /// The last return address visited, as a virtual address of the file.
    pc: u64,
}

impl Path {
    #[inline(always)]
    fn add(&mut self, pc: u64) {
        self.pc = pc;
        self.hash = (self.hash ^ pc).wrapping_mul(HASH_PRIME);
    }

    /// Writes the last address down as the `n`th.
    #[inline(always)]
    fn keep(&self, out: Option<&mut CallPath>, n: usize) {
        let Some(out) = out else {
            return;
        };
        if let Some(slot) = out.frames.get_mut(n) {
            *slot = self.pc;
            out.n_frames = n as u32 + 1;
        }
    }
}

/// Returns the number of the row for the call path of `frame`, or `None` when there is no room for it.
#[inline(always)]
pub(crate) fn row_of(regs: &pt_regs, site: &Site, frame: &Frame) -> Option<u32> {
    let detail = detail::of(regs, site, frame);
    let mut start = Start::of(regs, site, frame);
    start.forget_how();
    let path = walk(&start, None);
    let key = RowKey {
        path_hash: path.hash,
        pc: path.pc,
        detail,
        probe: site.probe,
        reason: reason(regs, site),
        padding: 0,
        padding_2: 0,
    };
    // SAFETY: rows are never deleted, so that the reference stays valid while it is copied.
    if let Some(row) = unsafe { ROW_OF.get(&key) } {
        return Some(*row);
    }
    add_row(&start, &key, goroutine(regs, site, frame))
}

/// Returns whose operation it is; 0 where that is not known.
#[inline(always)]
fn goroutine(regs: &pt_regs, site: &Site, frame: &Frame) -> u64 {
    if site.flags & (flag::PATH_OF_AX | flag::STARTS_AX) != 0 {
        regs.rax
    } else if site.flags & flag::CALLER_IN_BX_CX != 0 {
        regs.rbx
    } else {
        frame.g
    }
}

#[inline(always)]
fn reason(regs: &pt_regs, site: &Site) -> u8 {
    if site.flags & flag::REASON_IN_AX == 0 {
        0
    } else {
        regs.rax as u8
    }
}

/// Not inlined: it runs once per call path, and the hot programs stay small.
#[inline(never)]
fn add_row(start: &Start, key: &RowKey, g: u64) -> Option<u32> {
    let n_rows = N_ROWS.get_ptr_mut(0)?;
    // SAFETY: a pointer into a map value, valid as long as the program runs.
    let row = unsafe { fetch_add(n_rows, 1) };
    if row >= u64::from(MAX_ROWS) {
        return None;
    }
    let row = row as u32;
    let path = CALL_PATHS.get_ptr_mut(row)?;
    // SAFETY: as above; nobody else has this row's number before it is published below.
    let path = unsafe { &mut *path };
    path.probe = key.probe;
    path.reason = key.reason;
    path.detail = key.detail;
    path.inner = start.inner;
    path.role = role_of(g, start.bias);
    walk(start, Some(path));
    match ROW_OF.insert(key, &row, u64::from(BPF_NOEXIST)) {
        Ok(()) => Some(row),
        Err(_) => {
            // Another CPU was faster with the same path, and this number is left unused.
            path.n_frames = 0;
            // SAFETY: as in `row_of`.
            unsafe { ROW_OF.get(key) }.copied()
        }
    }
}

/// Where a walk begins, and which frames it follows.
struct Start {
    /// Frame pointer of the first frame's caller, 0 where nothing lies further out, and the first return
    /// address.
    next: [u64; 2],
    /// What is at that frame pointer, where it was read before.
    after_next: [u64; 2],
    /// Code inside of the first frame, which is no call, as a virtual address of the file: 0 where there is none.
    inner: u64,
    /// Frames lie between these, each above the one before.
    low: u64,
    high: u64,
    /// 0: frames may lie anywhere, on another stack as well; else all bits are set.
    ascending: u64,
    bias: u64,
}

impl Start {
    #[inline(always)]
    fn of(regs: &pt_regs, site: &Site, frame: &Frame) -> Self {
        let mut start = Self {
            next: [frame.caller_frame, frame.return_address],
            after_next: frame.saved_by_caller,
            inner: 0,
            low: frame.return_slot,
            high: frame.stack_high,
            ascending: u64::MAX,
            bias: frame.bias,
        };
        let mut crosses = site.flags & flag::CROSS_STACK != 0;
        if site.flags & flag::CALLER_IN_BX_CX != 0 {
            crosses = regs.rbx != frame.g;
            if is_in(&USER_TEXT, regs.rcx.wrapping_sub(frame.bias)) {
                start.next[1] = regs.rcx;
            }
        }
        if site.flags & flag::PATH_OF_AX != 0 {
            start.parked(regs.rax, site);
        }
        if site.flags & flag::STARTS_AX != 0 {
            let at = regs.rax.wrapping_add(u64::from(site.offsets[1]));
            start.next = [0, read_user(at).unwrap_or(0)];
        }
        if site.flags & flag::AT_SITE != 0 {
            // As if it were a return address, which is looked up one byte before.
            start.next = [0, regs.rip.wrapping_add(1)];
        }
        if crosses {
            // From g0's stack to the goroutine's, whose bounds are not known.
            start.low = 0;
            start.high = u64::MAX;
            start.ascending = 0;
        }
        start
    }

    /// Copies this to itself, and with it all that the verifier knows of how it came about: it walks the stack once, and
    /// not once for each way to begin.
    #[inline(always)]
    fn forget_how(&mut self) {
        let this = &raw mut *self;
        // SAFETY: valid for reads and writes of its size; it fails as little as reading the stack does.
        unsafe { bpf_probe_read_kernel(this.cast(), size_of::<Self>() as u32, this.cast()) };
    }

    /// Begins where the goroutine `g` was left.
    #[inline(always)]
    fn parked(&mut self, g: u64, site: &Site) {
        let stack: Option<[u64; 2]> = read_user(g);
        let sched: Option<[u64; 2]> = read_user(g.wrapping_add(SCHED));
        let frame: Option<u64> = read_user(g.wrapping_add(u64::from(site.offsets[0])));
        let (Some(stack), Some([sp, pc]), Some(frame)) = (stack, sched, frame) else {
            return;
        };
        self.low = sp;
        self.high = stack[1];
        self.next = [frame, pc];
        self.after_next = [0; 2];
        if site.flags & flag::GROWING != 0 {
            self.inner = pc.wrapping_sub(self.bias);
            self.next[1] = read_user(sp).unwrap_or(0);
        }
    }
}

/// Offset of `g.sched`, which begins with `sp` and `pc`, at Go 1.21 to 1.27 (src/runtime/runtime2.go).
const SCHED: u64 = 56;
/// Offset of `g.sched.pc`.
const SCHED_PC: u64 = SCHED + 8;

/// Returns whether the hit is one of the operations that `site` is for.
#[inline(always)]
pub(crate) fn counts(regs: &pt_regs, site: &Site) -> bool {
    if site.flags & flag::STARTS_AX != 0 {
        // A goroutine that has run before goes on somewhere else than at the begin of its function.
        let goes_on_at: Option<u64> = read_user(regs.rax.wrapping_add(SCHED_PC));
        let begins_at: Option<u64> = read_user(regs.rax.wrapping_add(u64::from(site.offsets[0])));
        return goes_on_at.is_some() && goes_on_at == begins_at;
    }
    detail::counts(regs, site)
}

/// Walks outwards until the first frame of the user's code, which tells one row from another. Once for each row the
/// frames are kept, and if the first of the user's is in a module that somebody else wrote, those up to the first of the
/// program's own: each costs the target 150 ns (Linux 6.18 in a virtual machine), and more than one condition to end
/// the walk the verifier a million instructions.
///
/// One 16-byte read per frame, at most. Frames on another stack are followed only where the site says that the
/// function runs by `systemstack`: up to Go 1.24 the frames of a timer that runs on g0 lead through
/// `mcall` into whatever goroutine was parked there.
#[inline(always)]
fn walk(start: &Start, mut keep: Option<&mut CallPath>) -> Path {
    let mut path = Path {
        hash: HASH_SEED ^ start.inner,
        pc: 0,
    };
    let mut next = start.next;
    let until = if keep.is_some() {
        &OWN_TEXT
    } else {
        &USER_TEXT
    };
    let mut low = start.low;
    for n in 0..MAX_FRAMES {
        path.add(next[1].wrapping_sub(start.bias));
        path.keep(keep.as_deref_mut(), n);
        if is_in(until, path.pc) {
            break;
        }
        let at = next[0];
        if at == 0 || at <= low || at >= start.high {
            break;
        }
        low = at & start.ascending;
        if n == 0 && start.after_next[1] != 0 {
            next = start.after_next;
            continue;
        }
        let Some(saved) = read_user::<[u64; 2]>(at) else {
            break;
        };
        next = saved;
    }
    path
}

/// Returns whether the call before the return address `pc` is in the text that `bitmap` marks.
#[inline(always)]
pub(crate) fn is_in(bitmap: &Array<u64>, pc: u64) -> bool {
    let offset = pc.wrapping_sub(1).wrapping_sub(global(&TEXT_BASE));
    let Ok(word) = u32::try_from(offset >> TEXT_WORD_SHIFT) else {
        return false;
    };
    bitmap
        .get(word)
        .is_some_and(|word| word >> (offset >> TEXT_GRANULE_SHIFT & 63) & 1 != 0)
}
