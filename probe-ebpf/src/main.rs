//! The kernel programs. Each unpacks its site and calls; nothing is streamed, everything is added up here.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "atomics, see `atomic.rs`")]

mod atomic;
mod call_site;
mod diagnostics;
mod go_abi;
mod in_flight;
mod latency;
mod maps;

use aya_ebpf::{
    EbpfContext as _,
    bindings::pt_regs,
    helpers::{bpf_ktime_get_ns, generated::bpf_get_attach_cookie},
    macros::uprobe,
    programs::ProbeContext,
};
use go_abi::{Calls, Frame, holds, is_target, read_user, registers};
use latency::{complete, count_completed, count_hit, count_lost, count_lost_without_row};
use maps::{SITES, WINDOW};
use probe_ebpf::abi::{FlightKey, Site, flag, kind, lost, window};

/// Frames above `gopanic` that may belong to a probed function.
const PANICKING_FRAMES: usize = 2;

/// Runs at every site of a logical probe: one program, so that a probe is one link.
#[uprobe(multi)]
fn operation(ctx: ProbeContext) -> Option<()> {
    let site = site(&ctx)?;
    let regs = registers(&ctx);
    let outcome = match site.kind {
        kind::ENTRY => begins(regs, &site),
        kind::EXIT => ends(regs, &site),
        _ => panics(regs, &site),
    };
    if outcome.is_none() {
        diagnostics::say!(
            &ctx,
            "no operation: probe {} kind {} at {:x}, g {:x}, rsp {:x}",
            site.probe,
            site.kind,
            site.vaddr,
            regs.r14,
            regs.rsp
        );
    }
    outcome
}

/// The entry of a probed function.
#[inline(always)]
fn begins(regs: &pt_regs, site: &Site) -> Option<()> {
    if !window_is_open() {
        return None;
    }
    let frame = frame_of_target(regs, site)?;
    let calls = call_site::calls(regs, site, &frame)?;
    if calls.is_nested(site, &frame) {
        return None;
    }
    let row = row_of(regs, site, &frame, &calls)?;
    let bytes = if site.flags & flag::BYTES_IN_AX != 0 {
        regs.rax
    } else {
        0
    };
    count_hit(row, bytes);
    if site.flags & flag::COUNT_ONLY != 0 {
        count_completed(row);
        return Some(());
    }
    let key = in_flight::key(site, &frame);
    // The clock is read last: what this program took before is no part of the operation.
    // SAFETY: the helper has no preconditions.
    in_flight::begin(&key, row, unsafe { bpf_ktime_get_ns() });
    Some(())
}

/// An exit of a probed function.
#[inline(always)]
fn ends(regs: &pt_regs, site: &Site) -> Option<()> {
    if !holds(site.condition, regs.eflags) {
        return None;
    }
    // The clock is read first: what this program takes is no part of the operation.
    // SAFETY: the helper has no preconditions.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    let frame = frame_of_target(regs, site)?;
    let Some(flight) = in_flight::take(&in_flight::key(site, &frame)) else {
        if !window_is_open() {
            return None;
        }
        let calls = call_site::calls(regs, site, &frame)?;
        if calls.is_nested(site, &frame) {
            return None;
        }
        // It began before the window did: known where, not since when.
        let row = row_of(regs, site, &frame, &calls)?;
        count_hit(row, 0);
        count_lost(row, lost::ORPHAN);
        return None;
    };
    match now_ns.checked_sub(flight.start_ns) {
        Some(duration_ns) => complete(flight.row, duration_ns),
        None => count_lost(flight.row, lost::CLOCK),
    }
    Some(())
}

/// The entry of `runtime.gopanic`: the frames that called it will not return.
#[inline(always)]
fn panics(regs: &pt_regs, site: &Site) -> Option<()> {
    let frame = frame_of_target(regs, site)?;
    let mut at = regs.rbp;
    for _ in 0..PANICKING_FRAMES {
        let depth = frame.stack_high.wrapping_sub(at.wrapping_add(8)) as u32;
        let key = FlightKey {
            g: frame.g,
            depth,
            probe: u32::from(site.probe),
        };
        if let Some(flight) = in_flight::take(&key) {
            count_lost(flight.row, lost::PANIC);
        }
        at = read_user(at)?;
    }
    Some(())
}

/// Returns the site that was hit, by the cookie it was attached with.
#[inline(always)]
fn site(ctx: &ProbeContext) -> Option<Site> {
    // SAFETY: the context is the program's own.
    let cookie = unsafe { bpf_get_attach_cookie(ctx.as_ptr()) };
    SITES.get(cookie as u32).copied()
}

#[inline(always)]
fn window_is_open() -> bool {
    WINDOW.get(0).is_some_and(|window| *window == window::OPEN)
}

#[inline(always)]
fn frame_of_target(regs: &pt_regs, site: &Site) -> Option<Frame> {
    let frame = if is_target() {
        Frame::at(regs, site)
    } else {
        None
    };
    if frame.is_none() {
        count_lost_without_row(site.probe, lost::FOREIGN);
    }
    frame
}

#[inline(always)]
fn row_of(regs: &pt_regs, site: &Site, frame: &Frame, calls: &Calls) -> Option<u32> {
    let row = call_site::row_of(regs, site, frame, calls);
    if row.is_none() {
        count_lost_without_row(site.probe, lost::FULL);
    }
    row
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
