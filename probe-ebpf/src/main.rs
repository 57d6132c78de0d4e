//! The kernel programs. Each unpacks its site and calls; nothing is streamed, everything is added up here.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "atomics, see `atomic.rs`")]

mod atomic;
mod call_site;
mod detail;
mod diagnostics;
mod gate;
mod go_abi;
mod in_flight;
mod latency;
mod maps;
mod role;
mod samples;

use aya_ebpf::{
    EbpfContext as _,
    bindings::pt_regs,
    helpers::{bpf_ktime_get_ns, generated::bpf_get_attach_cookie},
    macros::{perf_event, uprobe},
    programs::{PerfEventContext, ProbeContext},
};
use gate::Gate;
use go_abi::{Frame, holds, is_target, read_user, registers};
use latency::{complete, count_event, count_hit, count_lost, count_lost_without_row, note_channel};
use maps::SITES;
use probe_ebpf::abi::{Flight, FlightKey, Site, flag, kind, lost};

/// Frames above `gopanic` that may belong to a probed function.
const PANICKING_FRAMES: usize = 2;

/// Runs at every site of a logical probe: one program, so that a probe is one link.
#[uprobe(multi)]
fn operation(ctx: ProbeContext) -> Option<()> {
    let site = site(&ctx)?;
    let gate = Gate::of(&site)?;
    gate.count_hit(&site);
    if gate::is_abandoned() {
        return None;
    }
    let regs = registers(&ctx);
    let outcome = happens(regs, &site, &gate);
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

/// Runs on every CPU at each tick of the sampling clock. Nothing but the map is written: 0 tells the kernel
/// so.
#[perf_event]
fn cpu_sample(ctx: PerfEventContext) -> u32 {
    samples::take(&ctx);
    0
}

/// Runs on every CPU at each tick of a finer clock, which ticks in windows only.
#[perf_event]
fn fine_tick(ctx: PerfEventContext) -> u32 {
    samples::tick(&ctx);
    0
}

/// What becomes of a hit. The row of its call path is looked up in one place, whatever it is for: each further one
/// would have the verifier walk the stack once more.
#[inline(always)]
fn happens(regs: &pt_regs, site: &Site, gate: &Gate) -> Option<()> {
    let (frame, begins) = match site.kind {
        kind::ENTRY | kind::EVENT => (admitted(regs, site, gate)?, true),
        kind::EXIT => match ends(regs, site, gate)? {
            Ended::Begun => return Some(()),
            Ended::Orphan(frame) => (frame, false),
        },
        _ => return panics(regs, site, gate),
    };
    let row = row_of(regs, site, &frame)?;
    if begins {
        return begin(regs, site, gate, &frame, row);
    }
    count_hit(row, 0);
    count_lost(row, lost::ORPHAN);
    None
}

/// Returns the frame of an operation that begins, if it is one that is counted.
#[inline(always)]
fn admitted(regs: &pt_regs, site: &Site, gate: &Gate) -> Option<Frame> {
    if !gate.is_open() {
        return None;
    }
    let frame = frame_of_target(regs, site)?;
    let is_one = !frame.is_ignored(site) && call_site::counts(regs, site) && gate.admits(site);
    is_one.then_some(frame)
}

/// Begins an operation of `row`.
#[inline(always)]
fn begin(regs: &pt_regs, site: &Site, gate: &Gate, frame: &Frame, row: u32) -> Option<()> {
    let bytes = if site.flags & flag::BYTES_IN_AX != 0 {
        regs.rax
    } else {
        0
    };
    count_hit(row, bytes);
    if site.flags & flag::CHANNEL_IN_AX != 0 {
        note_channel(row, regs.rax);
    }
    if site.kind == kind::EVENT {
        count_event(row);
        return Some(());
    }
    if site.flags & flag::ENDS_AT_ZERO != 0 && bytes == 0 {
        complete(row, 0, false);
        return Some(());
    }
    let Some(key) = in_flight::key(regs, site, frame) else {
        count_lost(row, lost::FOREIGN);
        return None;
    };
    // The clock is read last: what this program took before is no part of the operation.
    let start_ns = now().wrapping_add(u64::from(site.bias_ns));
    let flight = Flight {
        start_ns,
        row,
        epoch: gate.epoch(),
    };
    in_flight::begin(site, frame, &key, flight);
    Some(())
}

/// An operation that ended.
enum Ended {
    /// Its begin was seen.
    Begun,
    /// It is known where, not since when.
    Orphan(Frame),
}

/// An exit of a probed function.
#[inline(always)]
fn ends(regs: &pt_regs, site: &Site, gate: &Gate) -> Option<Ended> {
    if !holds(site.condition, regs.eflags) {
        return None;
    }
    // The clock is read first, as it is last at the begin.
    let now_ns = now();
    if !is_target() {
        count_lost_without_row(site.probe, lost::FOREIGN);
        return None;
    }
    let (flight, frame) = match in_flight::take_unmoved(regs, site) {
        Some(flight) => (Some(flight), None),
        None => {
            let frame = frame(regs, site)?;
            if frame.is_ignored(site) {
                return None;
            }
            let key = in_flight::key(regs, site, &frame)?;
            (in_flight::take(site, &key), Some(frame))
        }
    };
    if let Some(flight) = flight
        && end(regs, site, gate, flight, now_ns)
    {
        return Some(Ended::Begun);
    }
    if !gate.is_open() || gate.is_shut() || site.flags & flag::MAY_HAVE_NO_BEGIN != 0 {
        return None;
    }
    let frame = frame.or_else(|| self::frame(regs, site))?;
    Some(Ended::Orphan(frame))
}

/// Adds an operation that ended to its row, and returns whether it began in this window.
#[inline(always)]
fn end(regs: &pt_regs, site: &Site, gate: &Gate, flight: Flight, now_ns: u64) -> bool {
    if flight.epoch != gate.epoch() {
        count_lost(flight.row, lost::WINDOW);
        return false;
    }
    // Shorter than what the probes add on average, which is at most this, is nothing that can be told.
    if now_ns.wrapping_add(u64::from(site.bias_ns)) < flight.start_ns {
        count_lost(flight.row, lost::CLOCK);
    } else {
        let duration_ns = now_ns.saturating_sub(flight.start_ns);
        complete(flight.row, duration_ns, detail::is_noted(regs, site));
    }
    true
}

/// The entry of `runtime.gopanic`: the frames that called it will not return.
#[inline(always)]
fn panics(regs: &pt_regs, site: &Site, gate: &Gate) -> Option<()> {
    let frame = frame_of_target(regs, site)?;
    let mut at = frame.caller_frame;
    for _ in 0..PANICKING_FRAMES {
        let depth = frame.stack_high.wrapping_sub(at.wrapping_add(8)) as u32;
        let key = FlightKey {
            g: frame.g,
            depth,
            probe: u32::from(site.probe),
        };
        if let Some(flight) = in_flight::take(site, &key) {
            let cut = flight.epoch != gate.epoch();
            count_lost(flight.row, if cut { lost::WINDOW } else { lost::PANIC });
        }
        at = read_user(at)?;
    }
    Some(())
}

/// The monotonic clock, in nanoseconds. It costs as much as two lookups in a map.
#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

/// Returns the site that was hit, by the cookie it was attached with.
#[inline(always)]
fn site(ctx: &ProbeContext) -> Option<Site> {
    // SAFETY: the context is the program's own.
    let cookie = unsafe { bpf_get_attach_cookie(ctx.as_ptr()) };
    SITES.get(cookie as u32).copied()
}

#[inline(always)]
fn frame_of_target(regs: &pt_regs, site: &Site) -> Option<Frame> {
    if !is_target() {
        count_lost_without_row(site.probe, lost::FOREIGN);
        return None;
    }
    frame(regs, site)
}

#[inline(always)]
fn frame(regs: &pt_regs, site: &Site) -> Option<Frame> {
    let frame = Frame::at(regs, site);
    if frame.is_none() {
        count_lost_without_row(site.probe, lost::FOREIGN);
    }
    frame
}

#[inline(always)]
fn row_of(regs: &pt_regs, site: &Site, frame: &Frame) -> Option<u32> {
    let row = call_site::row_of(regs, site, frame);
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
