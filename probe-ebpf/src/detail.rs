//! What an operation was about: the detail of its row, and the note at its end.

use aya_ebpf::bindings::pt_regs;
use probe_ebpf::abi::{Site, channel, detail as of_kind, note};

use crate::go_abi::{Frame, read_user};

/// Offset of `hchan.elemsize`, 16 bits, at Go 1.21 to 1.27 (src/runtime/chan.go).
const ELEMENT_SIZE: u64 = 24;

/// Returns the detail of the operation that begins at `site`.
#[inline(always)]
pub(crate) fn of(regs: &pt_regs, site: &Site, frame: &Frame) -> u64 {
    match site.detail {
        of_kind::NONE => 0,
        of_kind::CHANNEL => channel(regs, site, frame),
        of_kind::MAP_ELEMENT => map_element(regs, site),
        of_kind::FUNCTION_AT_DI => {
            let code = if regs.rdi == 0 {
                0
            } else {
                read_user(regs.rdi).unwrap_or(0)
            };
            in_file(code, frame)
        }
        kind => {
            let value = register(regs, kind & 0xf);
            if kind & of_kind::BYTE != 0 {
                value & 0xff
            } else if kind & of_kind::ADDRESS != 0 {
                in_file(value, frame)
            } else if kind & of_kind::POSITIVE != 0 {
                u64::from(value.cast_signed() > 0)
            } else {
                value
            }
        }
    }
}

/// Returns whether the detail is one that rows are made for.
#[inline(always)]
pub(crate) fn counts(regs: &pt_regs, site: &Site) -> bool {
    site.detail != of_kind::MAP_ELEMENT || map_element(regs, site) > u64::from(site.offsets[1])
}

/// Returns whether the operation that ends at `site` is to be noted.
#[inline(always)]
pub(crate) fn is_noted(regs: &pt_regs, site: &Site) -> bool {
    match site.note {
        note::NEVER => false,
        note::ALWAYS => true,
        note::AX_FALSE => regs.rax as u8 == 0,
        note::AX_NEGATIVE => regs.rax.cast_signed() < 0,
        _ => {
            let at = regs.r14.wrapping_add(u64::from(site.offsets[0]));
            read_user::<u8>(at).is_some_and(|byte| byte != 0)
        }
    }
}

/// Each register is read, whichever is wanted: a choice between their addresses is arithmetic on the context,
/// which the verifier forbids.
#[inline(always)]
fn register(regs: &pt_regs, number: u8) -> u64 {
    let [ax, bx, cx, di, si, r8] = [
        fixed(&regs.rax),
        fixed(&regs.rbx),
        fixed(&regs.rcx),
        fixed(&regs.rdi),
        fixed(&regs.rsi),
        fixed(&regs.r8),
    ];
    match number {
        of_kind::AX => ax,
        of_kind::BX => bx,
        of_kind::CX => cx,
        of_kind::DI => di,
        of_kind::SI => si,
        _ => r8,
    }
}

/// Reads a register where it is written, and nowhere else.
#[inline(always)]
pub(crate) fn fixed(register: &u64) -> u64 {
    // SAFETY: a reference is valid, aligned and initialised.
    unsafe { core::ptr::read_volatile(register) }
}

/// An address of the process as the file states it.
#[inline(always)]
fn in_file(address: u64, frame: &Frame) -> u64 {
    if address == 0 {
        0
    } else {
        address.wrapping_sub(frame.bias)
    }
}

#[inline(always)]
fn channel(regs: &pt_regs, site: &Site, frame: &Frame) -> u64 {
    let size: u16 = read_user(regs.rax.wrapping_add(ELEMENT_SIZE)).unwrap_or(0);
    let element = regs.rbx;
    let in_file = element.wrapping_sub(frame.bias);
    let place = if size == 0 || (site.low <= in_file && in_file < site.high) {
        channel::CONSTANT
    } else if frame.return_slot < element && element < frame.stack_high {
        channel::ON_STACK
    } else {
        0
    };
    let blocking = if regs.rcx as u8 == 0 {
        0
    } else {
        channel::BLOCKING
    };
    u64::from(size) | place | blocking
}

/// `MapType.Elem` points to a type, whose first word is its size (src/internal/abi/type.go).
#[inline(always)]
fn map_element(regs: &pt_regs, site: &Site) -> u64 {
    let at = regs.rax.wrapping_add(u64::from(site.offsets[0]));
    read_user::<u64>(at).and_then(read_user).unwrap_or(0)
}
