//! `short-lived-buffer`.
//!
//! # What it looks for
//! A line that makes a buffer per call, megabytes a second of them.
//! # Why it matters
//! Each is zeroed, and each brings the next collection nearer; above 32 KiB it takes the heap's lock.
//! # Evidence
//! Slices of a kibibyte and more that `make` allocates per line.
//! # What to try
//! `sync.Pool`.
//! # References
//! dive-7, source-9; src/runtime/mcache.go `allocLarge`.

use super::prelude::*;
use crate::{
    diagnose::allocation::{Purpose, purpose},
    observed::{HeapSite, State},
};

/// From the catalogue.
const BYTES_PER_S: f64 = 10e6;
const BUFFER_BYTES: f64 = 1_024.0;
/// Larger objects have spans of their own (src/internal/runtime/gc/sizeclasses.go `MaxSmallSize`).
const LARGE_BYTES: f64 = 32_768.0;
/// Packages of buffers; `io.Copy` makes one of 32 KiB.
const LENDERS: [&str; 2] = ["bufio.", "io.copyBuffer"];
/// Share of the allocated bytes that stay from which they are not short-lived.
const KEPT_SHARE: f64 = 0.5;

pub static RULE: Rule = Rule {
    name: "short-lived-buffer",
    exercises: &["dive-7", "source-9"],
    probes: &["alloc"],
    examine,
    advice: Advice {
        refuted_by: "a heap profile in which the bytes of this line stay in use.",
        cure: "Take the buffer from a sync.Pool of pointers to slices and put it back when the call is over; or let the caller pass one.",
        do_not_bother_when: "The sizes vary so much that pooled buffers would be too small or too large, or the lifetime is unclear: a buffer used after it was put back is a worse fault.",
    },
    explanation: Explanation {
        title: "A buffer per call",
        in_the_runtime: "make([]byte, n) that escapes is allocated and zeroed on every call, some 0.2 to 0.4 ns per byte, and garbage when the call ends. The bytes count towards the next collection. Above 32 KiB there is no cache: each buffer is a span of its own, taken under the heap's lock and given back by the sweep.",
        how_it_is_seen: "Allocations by make of a kibibyte and more without pointers are counted per line, with their bytes. Found from 10 MB/s; source-9 where they are larger than 32 KiB on average. Lines whose bytes stay in the heap profile are left out.",
        example: "// before\nfunc render(w io.Writer, d Data) {\n\tbuf := make([]byte, 0, 4096)\n\tw.Write(d.append(buf))\n}\n\n// after\nfunc render(w io.Writer, d Data) {\n\tbuf := buffers.Get().(*[]byte)\n\t*buf = d.append((*buf)[:0])\n\tw.Write(*buf)\n\tbuffers.Put(buf)\n}",
        versions: "Go 1.21 to 1.27 alike; from 1.25 on small buffers of variable size that do not escape stay on the stack.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let mut sites = observed.sites("alloc", is_buffer);
    sites.retain(|site| site.bytes >= BUFFER_BYTES * site.count && !is_kept(observed, site));
    observed.beyond(&sites, Threshold::bytes(BYTES_PER_S), fault, || {
        let rate = BYTES_PER_S / LARGE_BYTES;
        observed.silent_of_bytes(BYTES_PER_S, rate, "no line makes 10 MB/s of buffers")
    })
}

fn is_buffer(calls: &Calls) -> bool {
    let makes = match purpose(calls) {
        Purpose::Slice => true,
        Purpose::Object => calls.is_array(),
        _ => false,
    };
    makes && calls.is_pointer_free() && calls.by_user_through(is_lender)
}

/// Whether a function of the library makes buffers for what its caller asked for and could keep: a reader, a writer,
/// a copy.
fn is_lender(function: &str) -> bool {
    LENDERS.iter().any(|package| function.starts_with(package))
}

/// Whether the heap profile, where there is one, shows that what the line allocates stays.
fn is_kept(observed: &Observed, site: &AtSite<'_>) -> bool {
    let of = |state: Option<&State>, value: fn(&HeapSite) -> u64| -> Option<u64> {
        let sites = state?.heap_profile.as_ref()?;
        let at_line = |heap: &&HeapSite| heap.stack.iter().any(|frame| site.is_at(frame));
        Some(
            sites
                .iter()
                .filter(at_line)
                .map(value)
                .fold(0, u64::saturating_add),
        )
    };
    let grown = |value| {
        let end = of(observed.end.as_ref(), value)?;
        end.checked_sub(of(observed.start.as_ref(), value)?)
    };
    match (
        grown(|heap| heap.live_bytes),
        grown(|heap| heap.allocated_bytes),
    ) {
        (Some(live), Some(allocated)) if allocated > 0 => {
            live as f64 >= KEPT_SHARE * allocated as f64
        }
        _ => false,
    }
}

const LENT_CURE: &str = "Keep the bufio.Reader or bufio.Writer in a sync.Pool, take it with Reset and give it back when the call is over; copy with io.CopyBuffer and a buffer from a pool.";

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let each = site.bytes / site.count.max(1.0);
    let share = observed.allocation_share(site, site.rate_per_s(), site.bytes_per_s());
    let is_large = each > LARGE_BYTES;
    let key: &[&'static str] = if is_large { &["source-9"] } else { &["dive-7"] };
    let title = if is_large {
        "a large buffer is made for every call"
    } else {
        "a buffer is made for every call"
    };
    let mut fault = Fault::at(site, title);
    if site.share(Calls::directly_by_user) < 0.5 {
        fault = fault.cure(LENT_CURE);
    }
    fault
        .exercises(key)
        .evidence("buffers", site.rate_per_s(), "1/s")
        .evidence("each", each, "bytes")
        .evidence("allocated", site.bytes_per_s(), "bytes/s")
        .costs(share)
        .less_sure(0.95)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::StackFrame;

    fn buffers(rate: f64, bytes: u64) -> Calls {
        calls("alloc")
            .per_second(rate)
            .of_bytes(bytes)
            .through_runtime(&["runtime.makeslice"])
    }

    #[test]
    fn small_and_large_buffers_are_different_exercises() {
        assert_eq!(
            found(examine(&idle().with(buffers(50_000.0, 4_096))))[0].exercises,
            ["dive-7"]
        );
        let large = found(examine(&idle().with(buffers(10_000.0, 65_536))));
        assert_eq!(large[0].exercises, ["source-9"]);
        assert_eq!(large[0].severity(), Severity::Critical, "640 MB/s");
    }

    #[test]
    fn ten_megabytes_of_a_kibibyte_are_the_threshold() {
        assert_eq!(
            found(examine(&idle().with(buffers(10_000.0, 1_024)))).len(),
            1
        );
        assert!(is_clear(&examine(&idle().with(buffers(9_700.0, 1_024)))));
        assert!(is_clear(&examine(&idle().with(buffers(20_000.0, 1_000)))));
    }

    #[test]
    fn slices_with_pointers_and_the_librarys_are_silent() {
        let pointers = buffers(50_000.0, 4_096).of_type("*main.Item");
        let library = buffers(50_000.0, 4_096).through_library(&["encoding/json.Marshal"]);
        assert!(is_clear(&examine(&idle().with(pointers))));
        assert!(is_clear(&examine(&idle().with(library))));
    }

    #[test]
    fn a_readers_buffer_is_its_callers() {
        let reader = buffers(1_000.0, 65_536).through_library(&["bufio.NewReaderSize"]);
        let faults = found(examine(&idle().with(reader)));
        assert_eq!(faults[0].exercises, ["source-9"]);
        assert_eq!(faults[0].cure.as_deref(), Some(LENT_CURE));
    }

    #[test]
    fn buffers_that_are_kept_are_silent() {
        let heap = |live, allocated| {
            let line = StackFrame {
                ..sample::frame("example.com/api/work.Do")
            };
            vec![HeapSite {
                stack: vec![line],
                live_bytes: live,
                allocated_bytes: allocated,
                ..HeapSite::default()
            }]
        };
        let seen = idle()
            .with(buffers(50_000.0, 4_096))
            .stated(|state| state.heap_profile = Some(heap(0, 0)));
        let kept = seen
            .clone()
            .ended(|state| state.heap_profile = Some(heap(1_900, 2_000)));
        assert!(is_clear(&examine(&kept)));
        let freed = seen.ended(|state| state.heap_profile = Some(heap(100, 2_000)));
        assert_eq!(found(examine(&freed)).len(), 1);
    }
}
