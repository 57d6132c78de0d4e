//! Where Go on amd64 keeps things at a probe site.
//!
//! ABIInternal (Go 1.17 and later, src/cmd/compile/abi-internal.md): `r14` is the current goroutine, the
//! first integer arguments are in `rax`, `rbx`, `rcx`. `g.stack` is the first field of `runtime.g` at
//! Go 1.21 to 1.27 (src/runtime/runtime2.go).

use aya_ebpf::{
    EbpfContext as _,
    bindings::{bpf_pidns_info, pt_regs},
    helpers::{
        bpf_get_current_pid_tgid, bpf_probe_read_user, generated::bpf_get_ns_current_pid_tgid,
    },
    programs::ProbeContext,
};
use probe_ebpf::abi::{Site, condition, flag};

use crate::detail::fixed;
use crate::maps::{CALIBRATION_TGID, PID_NAMESPACE_DEV, PID_NAMESPACE_INO, TARGET_TGID, global};

/// Depths beyond this are not stacks: Go's own limit is 1 GB (runtime.maxstacksize).
const MAX_DEPTH: u64 = 1 << 31;

/// What a site tells about the frame of the probed function.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) g: u64,
    /// Upper end of the current stack.
    pub(crate) stack_high: u64,
    /// Address of the return address.
    pub(crate) return_slot: u64,
    /// Frame pointer of the caller.
    pub(crate) caller_frame: u64,
    /// The return address, in the process.
    pub(crate) return_address: u64,
    /// What the caller saved at its own begin, its caller's frame pointer and return address; 0 where that is too far away
    /// to be read together with the return address.
    pub(crate) saved_by_caller: [u64; 2],
    pub(crate) bias: u64,
}

/// Words from the return address on that are read at once. A read takes 50 ns however little it is (Linux 6.18), and the
/// runtime's functions that user code calls have small frames.
const NEAR: usize = 8;

impl Frame {
    /// Reads the frame at `site`, or `None` where `r14` and the stack do not belong together.
    #[inline(always)]
    pub(crate) fn at(regs: &pt_regs, site: &Site) -> Option<Self> {
        let g = regs.r14;
        let stack: [u64; 2] = read_user(g)?;
        let (caller_frame, return_address, saved_by_caller) =
            if site.flags & flag::FRAME_SET_UP == 0 {
                let near: Option<[u64; NEAR]> = read_user(regs.rsp);
                match near {
                    Some(near) => (regs.rbp, near[0], saved_near(&near, regs)),
                    None => (regs.rbp, read_user(regs.rsp)?, [0; 2]),
                }
            } else {
                let saved: [u64; 2] = read_user(regs.rbp)?;
                (saved[0], saved[1], [0; 2])
            };
        let frame = Self {
            g,
            stack_high: stack[1],
            return_slot: return_slot(regs, site),
            caller_frame,
            return_address,
            saved_by_caller,
            bias: regs.rip.wrapping_sub(site.vaddr),
        };
        (frame.depth() < MAX_DEPTH).then_some(frame)
    }

    /// Distance of the return address from the upper end of the stack.
    #[inline(always)]
    pub(crate) fn depth(&self) -> u64 {
        self.stack_high.wrapping_sub(self.return_slot)
    }

    /// Whether `site` ignores calls from where this one comes from.
    #[inline(always)]
    pub(crate) fn is_ignored(&self, site: &Site) -> bool {
        let caller = self.return_address.wrapping_sub(self.bias);
        let nested = site.low < caller && caller <= site.high;
        (site.flags & flag::IGNORE_NESTED != 0 && nested)
            || (site.flags & flag::ONLY_NESTED != 0 && !nested)
    }
}

/// Returns what is at the caller's frame pointer, if it is among the words from the stack pointer on.
#[inline(always)]
fn saved_near(near: &[u64; NEAR], regs: &pt_regs) -> [u64; 2] {
    let distance = regs.rbp.wrapping_sub(regs.rsp);
    // The compiler must not know that this is the distance: the verifier wants to see that words are aligned.
    let at = fixed(&(distance / 8 % NEAR as u64));
    let words = (near.get(at as usize), near.get(at as usize + 1));
    match words {
        (Some(frame), Some(address)) if at * 8 == distance => [*frame, *address],
        _ => [0; 2],
    }
}

/// Address of the return address of the probed function.
#[inline(always)]
pub(crate) fn return_slot(regs: &pt_regs, site: &Site) -> u64 {
    let [sp, bp] = [fixed(&regs.rsp), fixed(&regs.rbp)];
    if site.flags & flag::FRAME_SET_UP == 0 {
        sp
    } else {
        bp.wrapping_add(8)
    }
}

/// Reads a value of the target's memory; page faults are off, so a page that is not there is an error.
#[inline(always)]
pub(crate) fn read_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address; `T` is made of integers wherever this is called.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}

/// Returns whether the current thread is one of the target's.
#[inline(always)]
pub(crate) fn is_target() -> bool {
    let namespace = global(&PID_NAMESPACE_INO);
    if namespace == 0 {
        return is_wanted((bpf_get_current_pid_tgid() >> 32) as u32);
    }
    let mut info = bpf_pidns_info { pid: 0, tgid: 0 };
    // SAFETY: `info` is valid for writes of the size that is passed.
    let failed = unsafe {
        bpf_get_ns_current_pid_tgid(
            global(&PID_NAMESPACE_DEV),
            namespace,
            &raw mut info,
            size_of::<bpf_pidns_info>() as u32,
        )
    };
    failed == 0 && is_wanted(info.tgid)
}

/// The target, or the process that hits are measured on.
#[inline(always)]
fn is_wanted(tgid: u32) -> bool {
    tgid == global(&TARGET_TGID) || tgid == global(&CALIBRATION_TGID)
}

/// The registers at the probe.
#[inline(always)]
pub(crate) fn registers(ctx: &ProbeContext) -> &pt_regs {
    // SAFETY: the kernel passes a valid `pt_regs` for the time of the call.
    unsafe { &*ctx.as_ptr().cast::<pt_regs>() }
}

/// Returns whether a conditional jump with the condition code `code` would be taken with `flags`.
///
/// Intel SDM volume 2, appendix B.1.4: bit 0 of the code negates the condition of the other three.
#[inline(always)]
pub(crate) fn holds(code: u8, flags: u64) -> bool {
    if code == condition::ALWAYS {
        return true;
    }
    let bit = |n: u64| flags >> n & 1 != 0;
    let (carry, parity, zero, sign, overflow) = (bit(0), bit(2), bit(6), bit(7), bit(11));
    let value = match code >> 1 {
        0 => overflow,
        1 => carry,
        2 => zero,
        3 => carry | zero,
        4 => sign,
        5 => parity,
        6 => sign != overflow,
        _ => zero | (sign != overflow),
    };
    value != (code & 1 != 0)
}
