//! `channel-counter`.
//!
//! # What it looks for
//! A line that sends constants over a channel, tens of thousands a second.
//! # Why it matters
//! A send takes the channel's lock and may wake a goroutine; an atomic addition is one instruction.
//! # Evidence
//! Sends per line, with the element's size and whether it lies in read-only data (src/runtime/chan.go).
//! # What to try
//! `atomic.Int64`.
//! # References
//! dive-2, source-1.

use probe_ebpf::abi::channel::{CONSTANT, SIZE};

use super::prelude::*;
use crate::diagnose::frames::without_closures;

/// From the catalogue.
const RATE_PER_S: f64 = 10_000.0;
const ELEMENT_BYTES: u64 = 8;
/// Share of a line's sends that are of constants from which it only counts.
const CONSTANT_SHARE: f64 = 0.9;
/// A send over a buffered channel and its part of the receiver (measured 16 to 27 ns, and as much again).
const SEND_NS: f64 = 50.0;

/// A send that is given up where there is no room (src/runtime/chan.go): it would lose counts, so it hands out
/// places or wakes somebody.
const GIVES_UP: &str = "runtime.selectnbsend";
/// A receive that asks whether the channel is closed, as `range` does (src/runtime/chan.go): nobody takes a place in a
/// semaphore back like that.
const UNTIL_CLOSED: &str = "runtime.chanrecv2";

pub static RULE: Rule = Rule {
    name: "channel-counter",
    exercises: &["dive-2", "source-1"],
    probes: &["chan-send"],
    examine,
    advice: Advice {
        refuted_by: "a receiver that does something for each element, one after the other: then the order is what the channel is for.",
        cure: "Count with an atomic.Int64, or per worker and add up at the end; wake a reader, if there is one, by a channel of its own.",
        do_not_bother_when: "The channel is a semaphore or carries events that somebody waits for.",
    },
    explanation: Explanation {
        title: "A channel that only counts",
        in_the_runtime: "A send takes the channel's lock, copies the element into the buffer or to the receiver, and may wake it; when the buffer is full it parks. All senders meet at that lock. An atomic addition is one locked instruction, 3 to 10 ns.",
        how_it_is_seen: "Sends are counted per line with the size of the element and where it lies: constants are sent from the binary's read-only data. Found from 10 000 a second of at most 8 bytes, when nine in ten are constants.",
        example: "// before\nfunc (c *Counter) Inc() { c.ch <- 1 }\n\n// after\nfunc (c *Counter) Inc() { c.n.Add(1) } // n atomic.Int64",
        versions: "Go 1.21 to 1.27 alike.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let mut sends = observed.sites("chan-send", Calls::directly_by_user);
    sends.retain(|site| site.share(counts_only) >= CONSTANT_SHARE && !is_semaphore(observed, site));
    observed.beyond(&sends, Threshold::rate(RATE_PER_S), fault, || {
        observed.silent(
            "chan-send",
            RATE_PER_S,
            "no line sends constants in great numbers",
        )
    })
}

fn counts_only(calls: &Calls) -> bool {
    calls.detail & CONSTANT != 0 && calls.detail & SIZE <= ELEMENT_BYTES && !calls.passes(GIVES_UP)
}

/// Whether the same function, a closure of it, or a method of the same type takes as many elements out again: a
/// semaphore.
fn is_semaphore(observed: &Observed, site: &AtSite<'_>) -> bool {
    let own = holder(&site.site.function);
    let received = observed.sites("chan-recv", Calls::directly_by_user);
    let same = received
        .iter()
        .filter(|recv| holder(&recv.site.function) == own);
    let once = |recv: &AtSite<'_>| recv.share(|calls| !calls.passes(UNTIL_CLOSED));
    same.map(|recv| recv.count * once(recv)).sum::<f64>() >= 0.5 * site.count
}

/// The type that a function is a method of, else the function, without the closures in it.
fn holder(function: &str) -> &str {
    let outer = without_closures(function);
    // A path may have dots; behind it there are the package, a type, and the name.
    let in_package = outer.rsplit('/').next().unwrap_or(outer);
    match outer.rsplit_once('.') {
        Some((of_type, _)) if in_package.matches('.').count() > 1 => of_type,
        _ => outer,
    }
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let share = observed.cpu_share(site.rate_per_s() * SEND_NS);
    let bytes = site.calls.first().map_or(0, |calls| calls.detail & SIZE);
    Fault::at(site, "a channel is used as a counter")
        .evidence("sends", site.rate_per_s(), "1/s")
        .evidence("element", bytes as f64, "bytes")
        .evidence("of them constants", site.share(counts_only), "share")
        .evidence("CPU at both ends", share, "share")
        .costs(share)
        .less_sure(0.9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sends(rate: f64, detail: u64) -> Calls {
        calls("chan-send")
            .per_second(rate)
            .detail(detail)
            .through_runtime(&["runtime.chansend1"])
    }

    #[test]
    fn constants_in_great_numbers_are_found() {
        let faults = found(examine(&idle().with(sends(1_000_000.0, CONSTANT | 8))));
        assert_eq!(faults[0].severity(), Severity::Warning);
        assert_eq!(
            found(examine(&idle().with(sends(20_000.0, CONSTANT)))).len(),
            1,
            "struct{{}}"
        );
    }

    #[test]
    fn the_thresholds_are_ten_thousand_and_eight_bytes() {
        assert_eq!(
            found(examine(&idle().with(sends(10_000.0, CONSTANT | 8)))).len(),
            1
        );
        assert!(is_clear(&examine(
            &idle().with(sends(9_999.0, CONSTANT | 8))
        )));
        assert!(is_clear(&examine(
            &idle().with(sends(10_000.0, CONSTANT | 16))
        )));
    }

    #[test]
    fn values_and_semaphores_are_silent() {
        assert!(is_clear(&examine(&idle().with(sends(90_000.0, 8)))));
        let back = calls("chan-recv").per_second(90_000.0).at_line(15);
        assert!(is_clear(&examine(
            &idle().with(sends(90_000.0, CONSTANT)).with(back)
        )));
    }

    #[test]
    fn a_receiver_that_ranges_over_the_channel_is_no_semaphore() {
        let ranges = calls("chan-recv")
            .per_second(90_000.0)
            .at_line(15)
            .through_runtime(&[UNTIL_CLOSED]);
        let observed = idle().with(sends(90_000.0, CONSTANT)).with(ranges);
        assert_eq!(found(examine(&observed)).len(), 1);
    }

    #[test]
    fn methods_of_one_type_are_held_together() {
        let same = |a, b| holder(a) == holder(b);
        assert!(same(
            "example.com/db.(*pool).acquire",
            "example.com/db.(*pool).release"
        ));
        assert!(same("main.sem.acquire", "main.sem.release.func1"));
        assert!(!same("main.(*pool).acquire", "main.(*other).release"));
        assert!(!same("example.com/db.count", "example.com/db.add"));
    }

    #[test]
    fn sends_that_may_be_given_up_count_nothing() {
        let token = sends(90_000.0, CONSTANT).through_runtime(&[GIVES_UP]);
        assert!(is_clear(&examine(&idle().with(token))));
    }
}
