//! Whether a probe's window is open, and what its hits cost so far.

use aya_ebpf::{
    bindings::BPF_RB_FORCE_WAKEUP,
    helpers::{bpf_ktime_get_ns, generated::bpf_jiffies64},
};
use probe_ebpf::abi::{self, STALE_BEAT_NS, Site, flag};

use crate::{
    atomic,
    maps::{GATES, PULSE, SHUT},
};

/// The window of a site's probe.
pub(crate) struct Gate(*mut abi::Gate);

impl Gate {
    #[inline(always)]
    pub(crate) fn of(site: &Site) -> Option<Self> {
        GATES.get_ptr_mut(u32::from(site.probe)).map(Self)
    }

    /// Counts a hit of `site`: whatever the program does then, the target has paid for the trap.
    #[inline(always)]
    pub(crate) fn count_hit(&self, site: &Site) {
        // SAFETY: points into a map value, valid as long as the program runs; user space writes meanwhile, hence
        // volatile.
        let is_last = unsafe {
            let (counter, most) = if site.flags & flag::STEPPED == 0 {
                (
                    &raw mut (*self.0).emulated,
                    &raw const (*self.0).most_emulated,
                )
            } else {
                (
                    &raw mut (*self.0).stepped,
                    &raw const (*self.0).most_stepped,
                )
            };
            atomic::fetch_add(counter, 1).wrapping_add(1) == most.read_volatile()
        };
        if is_last {
            // SAFETY: as above.
            unsafe {
                let begun = (&raw const (*self.0).begun).read_volatile();
                (&raw mut (*self.0).limit).write_volatile(begun);
            }
            self.shut(site);
        }
    }

    /// Says that a limit was reached.
    #[inline(always)]
    fn shut(&self, site: &Site) {
        // SAFETY: as in `count_hit`.
        unsafe { (&raw mut (*self.0).shut_ns).write_volatile(bpf_ktime_get_ns()) };
        // Without room for it the links come off a little later: the time is written.
        let _ = SHUT.output(&u64::from(site.probe), u64::from(BPF_RB_FORCE_WAKEUP));
    }

    #[inline(always)]
    pub(crate) fn is_open(&self) -> bool {
        // SAFETY: as in `count_hit`; user space writes meanwhile, hence volatile.
        unsafe { (&raw const (*self.0).open).read_volatile() != 0 }
    }

    #[inline(always)]
    pub(crate) fn epoch(&self) -> u32 {
        // SAFETY: as in `is_open`.
        unsafe { (&raw const (*self.0).epoch).read_volatile() as u32 }
    }

    /// Counts an operation that begins, and returns whether the window has room for it.
    #[inline(always)]
    pub(crate) fn admits(&self, site: &Site) -> bool {
        // SAFETY: as in `is_open`.
        let (begun, limit) = unsafe {
            let limit = (&raw const (*self.0).limit).read_volatile();
            let begun = atomic::fetch_add(&raw mut (*self.0).begun, 1).wrapping_add(1);
            (begun, limit)
        };
        if begun == limit {
            self.shut(site);
        }
        begun <= limit
    }

    /// Returns whether the limit was reached.
    #[inline(always)]
    pub(crate) fn is_shut(&self) -> bool {
        // SAFETY: as in `is_open`.
        unsafe {
            let limit = (&raw const (*self.0).limit).read_volatile();
            (&raw const (*self.0).begun).read_volatile() >= limit
        }
    }
}

/// Returns whether user space has stopped to say that it is alive.
///
/// The clock costs as much as the lookups of a hit: it is looked at once a tick of the kernel's own.
#[inline(always)]
pub(crate) fn is_abandoned() -> bool {
    let Some(pulse) = PULSE.get_ptr_mut(0) else {
        return false;
    };
    // SAFETY: points into a map value; user space and other CPUs write meanwhile, hence volatile. Whoever is
    // late by a tick is late by some milliseconds.
    unsafe {
        let tick = bpf_jiffies64();
        if (&raw const (*pulse).looked_at).read_volatile() != tick {
            let beat_ns = (&raw const (*pulse).beat_ns).read_volatile();
            let age_ns = bpf_ktime_get_ns().saturating_sub(beat_ns);
            let is_abandoned = beat_ns != 0 && age_ns > STALE_BEAT_NS;
            (&raw mut (*pulse).is_abandoned).write_volatile(u64::from(is_abandoned));
            (&raw mut (*pulse).looked_at).write_volatile(tick);
        }
        (&raw const (*pulse).is_abandoned).read_volatile() != 0
    }
}
