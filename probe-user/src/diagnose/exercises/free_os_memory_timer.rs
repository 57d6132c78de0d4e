//! `free-os-memory-timer`.
//!
//! # What it looks for
//! `debug.FreeOSMemory`, again and again.
//! # Why it matters
//! It is a forced collection and a walk over the heap that gives every free page back (src/runtime/mheap.go
//! `runtime_debug_freeOSMemory`, Go 1.21 to 1.27).
//! # Evidence
//! Calls per line, and how long each blocked.
//! # What to try
//! `GOMEMLIMIT`.
//! # References
//! package-14.

use super::prelude::*;

/// From the catalogue: two make a beat.
const REPEATED: u64 = 2;

pub static RULE: Rule = Rule {
    name: "free-os-memory-timer",
    exercises: &["package-14"],
    probes: &["free-os-memory", "stop-the-world"],
    examine,
    advice: Advice {
        refuted_by: "calls that mark the ends of phases of a batch, not a beat.",
        cure: "Delete the timer: the scavenger gives pages back by itself. To stay below a limit set GOMEMLIMIT.",
        do_not_bother_when: "It runs at the end of a phase that freed most of the heap.",
    },
    explanation: Explanation {
        title: "Memory is given back to the system on a timer",
        in_the_runtime: "debug.FreeOSMemory runs a whole collection, waits for its sweep, and then releases all free pages by madvise, one range after the other, on the calling goroutine. The next allocations fault the same pages in again.",
        how_it_is_seen: "A pair of probes counts and times the calls per line. Found when there are two or more in a window.",
        example: "// before\nfor range time.Tick(time.Minute) {\n\tdebug.FreeOSMemory()\n}\n\n// after: no timer; where there is a limit\ndebug.SetMemoryLimit(3 << 30)",
        versions: "The background scavenger does this since Go 1.16 at the latest, the memory limit exists since 1.19.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let sites = if observed.has("free-os-memory") {
        observed.sites("free-os-memory", |calls| calls.by_user)
    } else {
        observed.sites("stop-the-world", |calls| {
            calls.by_user && calls.passes("runtime/debug.FreeOSMemory")
        })
    };
    let faults = sites
        .iter()
        .filter(|site| site.hits >= REPEATED)
        .map(fault)
        .collect();
    Judgement::found_or(faults, || match observed.missing("free-os-memory") {
        None => Judgement::Clear("FreeOSMemory was not called repeatedly".to_owned()),
        Some(missing) => missing,
    })
}

fn fault(site: &AtSite<'_>) -> Fault {
    let share = site.ns_per_s() / 1e9;
    let mut fault = Fault::at(site, "free memory is given back by hand, again and again")
        .evidence("calls", site.hits as f64, "in the window")
        .evidence_if("each blocks its caller for", site.mean_ns(), "ns")
        .evidence("time in it", share, "share")
        .costs(share);
    fault.confidence = 0.95;
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frees(n: f64) -> Calls {
        calls("free-os-memory")
            .per_second(n / SECONDS)
            .lasting(200_000_000)
            .through_library(&["runtime/debug.FreeOSMemory"])
    }

    #[test]
    fn a_beat_is_found_and_weighs_its_time() {
        let faults = found(examine(&idle().with(frees(5.0))));
        assert_eq!(
            faults[0].severity(),
            Severity::Critical,
            "a tenth of the time"
        );
    }

    #[test]
    fn two_calls_are_the_threshold() {
        assert_eq!(found(examine(&idle().with(frees(2.0)))).len(), 1);
        assert!(
            is_clear(&examine(&idle().with(frees(1.0)))),
            "a phase boundary"
        );
    }

    #[test]
    fn a_program_without_it_cannot_have_it() {
        let reason = "this program does not contain runtime/debug.freeOSMemory";
        let seen = idle()
            .with_probe("free-os-memory")
            .without_probe("free-os-memory", reason);
        assert!(is_inapplicable(&examine(&seen)));
    }
}
