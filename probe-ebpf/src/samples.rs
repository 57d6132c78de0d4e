//! From an interrupted thread of the target to the count of its stack.
//!
//! The clock ticks per CPU, not per thread: an event of a thread is taken off and put on again at every
//! context switch, which was measured at 0.4 µs each, and Go programs switch often.

use aya_ebpf::{
    bindings::{BPF_NOEXIST, pt_regs},
    helpers::{bpf_get_current_task_btf, bpf_probe_read_kernel, generated::bpf_task_pt_regs},
    maps::Array,
    programs::PerfEventContext,
};
use probe_ebpf::abi::{MAX_SAMPLED_FRAMES, SampleCounters, SampledStack, Ticks, sampled};

use crate::{
    atomic::{add, fetch_add},
    call_site::is_in,
    go_abi::{is_target, read_user},
    maps::{
        HAS_TASK_REGS, LOAD_BIAS, OUTSIDE_TEXT, SAMPLE_COUNTERS, SAMPLED, STACK_OF, STACKS,
        TEXT_LEN, TICKS, global,
    },
    role::role_of,
};

/// As in `call_site.rs`.
const HASH_PRIME: u64 = 0x0000_0100_0000_01b3;
const HASH_SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// Bits 0 and 1 of `cs` are the privilege level: 3 is the user's.
const PRIVILEGE: u64 = 3;

/// Below this no page is mapped (`vm.mmap_min_addr`).
const MIN_ADDRESS: u64 = 1 << 16;

/// Where the target's own code was interrupted, or called the kernel.
struct Interrupted {
    flags: u32,
    rip: u64,
    rsp: u64,
    rbp: u64,
    /// The goroutine, where the code is Go's.
    g: u64,
}

/// Counts one tick.
#[inline(always)]
pub(crate) fn take(ctx: &PerfEventContext) {
    if !is_target() {
        return;
    }
    let Some(counters) = SAMPLE_COUNTERS.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: a pointer into a map value, valid as long as the program runs.
    unsafe { add(&raw mut (*counters).total, 1) };
    let at = interrupted(ctx);
    count(&SAMPLED, ctx, &at);
    let top = top_of_stack(&at);
    let hash = walk(&at, top, None);
    // SAFETY: rows are never deleted, so that the reference stays valid while it is copied.
    let known = unsafe { STACK_OF.get(&hash) }.copied();
    let row = known.or_else(|| add_stack(counters, hash, &at, top));
    match row.and_then(|row| STACKS.get_ptr_mut(row)) {
        // SAFETY: as above.
        Some(stack) => unsafe { add(&raw mut (*stack).samples, 1) },
        // SAFETY: as above.
        None => unsafe { add(&raw mut (*counters).full, 1) },
    }
}

/// Counts one tick of the fine clock.
#[inline(always)]
pub(crate) fn tick(ctx: &PerfEventContext) {
    if !is_target() {
        return;
    }
    count(&TICKS, ctx, &interrupted(ctx));
}

/// Counts what was interrupted for the role of its goroutine.
#[inline(always)]
fn count(roles: &Array<Ticks>, ctx: &PerfEventContext, at: &Interrupted) {
    let role = role_of(at.g, global(&LOAD_BIAS));
    let Some(ticks) = roles.get_ptr_mut(u32::from(role)) else {
        return;
    };
    // SAFETY: a pointer into a map value, valid as long as the program runs.
    unsafe { add(&raw mut (*ticks).target, 1) };
    if is_outside(ctx) {
        // SAFETY: as above, and the kernel passes a valid context for the time of the call.
        unsafe {
            add(&raw mut (*ticks).outside, 1);
            add(&raw mut (*ticks).outside_ns, (*ctx.ctx).sample_period);
        }
    }
}

/// Returns whether a thread of the target was interrupted outside of the runtime and of the kernel.
#[inline(always)]
fn is_outside(ctx: &PerfEventContext) -> bool {
    // SAFETY: the kernel passes a valid context for the time of the call.
    let regs = unsafe { &(*ctx.ctx).regs };
    let at = regs.rip.wrapping_sub(global(&LOAD_BIAS));
    // Not a return address, before which it is that the call is looked for.
    regs.cs & PRIVILEGE == PRIVILEGE && is_in(&OUTSIDE_TEXT, at.wrapping_add(1))
}

/// Reads the registers that the target's own code had.
#[inline(always)]
fn interrupted(ctx: &PerfEventContext) -> Interrupted {
    // SAFETY: the kernel passes a valid context for the time of the call.
    let regs = unsafe { &(*ctx.ctx).regs };
    if regs.cs & PRIVILEGE == PRIVILEGE {
        return Interrupted {
            flags: 0,
            rip: regs.rip,
            rsp: regs.rsp,
            rbp: regs.rbp,
            g: regs.r14,
        };
    }
    registers_before_the_kernel().unwrap_or(Interrupted {
        flags: sampled::IN_KERNEL,
        rip: 0,
        rsp: 0,
        rbp: 0,
        g: 0,
    })
}

/// Reads what the thread's registers were when it entered the kernel.
#[inline(always)]
fn registers_before_the_kernel() -> Option<Interrupted> {
    if global(&HAS_TASK_REGS) == 0 {
        return None;
    }
    // SAFETY: the helpers have no preconditions, and only addresses are taken of what they return.
    let (rip, r14) = unsafe {
        let regs = bpf_task_pt_regs(bpf_get_current_task_btf()) as *const pt_regs;
        (&raw const (*regs).rip, &raw const (*regs).r14)
    };
    // SAFETY: the helper checks the address. `rip`, `cs`, `eflags`, `rsp` follow each other.
    let frame = unsafe { bpf_probe_read_kernel(rip.cast::<[u64; 4]>()) }.ok()?;
    // SAFETY: as above. `r14`, `r13`, `r12`, `rbp` follow each other.
    let saved = unsafe { bpf_probe_read_kernel(r14.cast::<[u64; 4]>()) }.ok()?;
    Some(Interrupted {
        flags: sampled::IN_KERNEL,
        rip: frame[0],
        rsp: frame[3],
        rbp: saved[3],
        g: saved[0],
    })
}

/// Reads the words at the top of the stack, and keeps those that may be return addresses.
///
/// Where `rbp` equals `rsp` the frame is set up and the chain of frame pointers is whole.
#[inline(always)]
fn top_of_stack(at: &Interrupted) -> [u64; 2] {
    if at.rbp == at.rsp {
        return [0; 2];
    }
    let [first, second] = read_user::<[u64; 2]>(at.rsp).unwrap_or_default();
    [code_or_zero(first, at.rip), code_or_zero(second, at.rip)]
}

/// Go's text is at most its own length away from any address inside of it.
#[inline(always)]
fn code_or_zero(word: u64, rip: u64) -> u64 {
    let len = global(&TEXT_LEN);
    let near = word.wrapping_sub(rip).wrapping_add(len) <= 2 * len;
    if near && word >= MIN_ADDRESS { word } else { 0 }
}

/// Follows the frame pointers outwards, and returns the hash of what it finds.
#[inline(always)]
fn walk(at: &Interrupted, top: [u64; 2], mut keep: Option<&mut SampledStack>) -> u64 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(HASH_PRIME);
    let mut hash = mix(mix(mix(HASH_SEED, u64::from(at.flags)), top[0]), top[1]);
    let mut next = [at.rbp, at.rip];
    for n in 0..MAX_SAMPLED_FRAMES {
        if next[1] == 0 {
            break;
        }
        hash = mix(hash, next[1]);
        if let Some(out) = keep.as_deref_mut() {
            if let Some(slot) = out.frames.get_mut(n) {
                *slot = next[1];
            }
            out.n_frames = n as u32 + 1;
            if n + 1 == MAX_SAMPLED_FRAMES && next[0] != 0 {
                out.flags |= sampled::CUT;
            }
        }
        if next[0] == 0 {
            break;
        }
        let Some(saved) = read_user::<[u64; 2]>(next[0]) else {
            break;
        };
        next = saved;
    }
    hash
}

/// Makes a row for a stack that was not seen before. Not inlined: it runs once per stack.
#[inline(never)]
fn add_stack(
    counters: *mut SampleCounters,
    hash: u64,
    at: &Interrupted,
    top: [u64; 2],
) -> Option<u32> {
    // SAFETY: the caller's pointer into a map value.
    let row = unsafe { fetch_add(&raw mut (*counters).n_stacks, 1) };
    let row = u32::try_from(row).ok()?;
    let stack = STACKS.get_ptr_mut(row)?;
    // SAFETY: a pointer into a map value; nobody else has this row's number before it is published below.
    let stack = unsafe { &mut *stack };
    stack.flags = at.flags;
    stack.top = top;
    walk(at, top, Some(stack));
    match STACK_OF.insert(&hash, &row, u64::from(BPF_NOEXIST)) {
        Ok(()) => Some(row),
        // Another CPU was faster with the same stack, and this row stays without samples; or the map is full.
        // SAFETY: as in `take`.
        Err(_) => unsafe { STACK_OF.get(&hash) }.copied(),
    }
}
