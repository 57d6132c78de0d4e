//! `gc-pressure`.
//!
//! # What it looks for
//! Collections several times a second, or a tenth of the CPU in marking.
//! # Why it matters
//! Marking and assists take CPU from the requests that allocate.
//! # Evidence
//! The runtime's own counters, or the cycles that a probe saw; the lines that allocate most.
//! # What to try
//! Fewer bytes at those lines, or a larger GOGC.
//! # References
//! dive-12; src/runtime/mgcpacer.go.

use super::prelude::*;
use crate::{
    diagnose::{
        frames::short,
        sampled::{Sampled, of_the_program},
    },
    observed::CpuSamples,
};

/// From the catalogue.
const CYCLES_PER_S: f64 = 2.0;
const MARK_SHARE: f64 = 0.10;
/// Below this many bytes a second a collection has another cause than allocation: asked for, or a tiny heap.
const BYTES_PER_S: f64 = 1e6;
/// Lines that are named.
const TOP: usize = 3;
/// Of the bytes, what a line has to make to be named: with less its cure changes nothing.
const NAMED_SHARE: f64 = 0.01;
/// Share of the bytes from which one line is the place to begin.
const MOST_SHARE: f64 = 0.5;
/// Fewer samples tell no share.
const MIN_SAMPLES: u64 = 50;

pub static RULE: Rule = Rule {
    name: "gc-pressure",
    exercises: &["dive-12"],
    probes: &["gc-cycle", "gc-assist", "alloc", "gc"],
    examine,
    advice: Advice {
        refuted_by: "GODEBUG=gctrace=1: few cycles, or a small share of CPU in its fourth column, under the same load.",
        cure: "Allocate less at the lines that are named: reuse objects with sync.Pool, size slices, decode into what exists. If memory is plenty, a larger GOGC makes collections rarer.",
        do_not_bother_when: "The heap is a few megabytes and marking is a small share of the CPU: the cycles are many because they are tiny.",
    },
    explanation: Explanation {
        title: "The collector runs all the time",
        in_the_runtime: "A collection starts when the heap has grown by GOGC percent since the last one. Marking takes a quarter of the CPUs while it lasts, and goroutines that allocate faster than it keeps up have to mark themselves before they get their memory (assists). A short-lived object costs nothing in marking, but brings the next collection nearer.",
        how_it_is_seen: "The number of collections and their CPU time are read from the runtime before and after; where that is not possible a probe counts the cycles, and CPU samples show marking. Found from two cycles a second or a tenth of the CPU in marking, when the program allocates at least 1 MB/s.",
        example: "// before\nfor line := range lines {\n\tr := &Record{}\n\tdecode(line, r)\n\temit(r)\n}\n\n// after: emit copies what it keeps\nfor line := range lines {\n\tr := records.Get().(*Record)\n\tr.Reset()\n\tdecode(line, r)\n\temit(r)\n\trecords.Put(r)\n}",
        versions: "Go 1.26 marks with another algorithm by default (greenteagc), which costs less for small objects; the number of cycles is the same.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    let own = own_cycles_per_s(observed);
    let marking = marking_share(observed);
    if own.is_none() && marking.is_none() {
        return observed.missing("gc-cycle").unwrap_or_else(|| {
            Judgement::not_enough(
                "collections were not counted",
                "runtime counters, or probe gc-cycle",
            )
        });
    }
    let cycles = own.unwrap_or(0.0);
    let is_often = cycles >= CYCLES_PER_S && bytes_per_s(observed).is_none_or(|n| n >= BYTES_PER_S);
    if is_often || (is_much(marking) && cycles > 0.0) {
        return Judgement::Found(vec![fault(observed, cycles, marking)]);
    }
    Judgement::Clear(format!("{cycles:.1} collections a second"))
}

fn is_much(marking: Option<f64>) -> bool {
    marking.is_some_and(|share| share >= MARK_SHARE)
}

/// Collections that nobody asked for, per second.
fn own_cycles_per_s(observed: &Observed) -> Option<f64> {
    if observed.seconds <= 0.0 {
        return None;
    }
    if let Some(cycles) = observed.grown(|counters| counters.gc_cycles) {
        let forced = observed
            .grown(|counters| counters.forced_gc_cycles)
            .unwrap_or(0);
        return Some(cycles.saturating_sub(forced) as f64 / observed.seconds);
    }
    if observed.has("gc-cycle") {
        let own = observed.sites("gc-cycle", |calls| !calls.passes("runtime.GC"));
        return Some(total(&own, AtSite::rate_per_s));
    }
    if !observed.has("stop-the-world") {
        return None;
    }
    // `stwGCMarkTerm`, one per cycle; a forced one's user is at its sweep termination.
    let ends = observed.sites("stop-the-world", |calls| calls.reason == 1);
    let forced = observed.sites("stop-the-world", |calls| {
        calls.reason == 2 && calls.passes("runtime.GC")
    });
    let rate = |sites: &[AtSite<'_>]| total(sites, AtSite::rate_per_s);
    Some((rate(&ends) - rate(&forced)).max(0.0))
}

/// The share of the CPU that goes to marking, assists included.
fn marking_share(observed: &Observed) -> Option<f64> {
    let counted = observed.grown(|counters| counters.gc_mark_cpu_ns);
    let sampled = observed.samples.as_ref().and_then(sampled_marking);
    match counted {
        Some(ns) if observed.seconds > 0.0 => {
            // The runtime takes the time that its workers were at it, whether they ran or the host ran others.
            let share = observed.cpu_share(ns as f64 / observed.seconds);
            Some(sampled.map_or(share, |sampled| share.min(sampled.most())))
        }
        _ => sampled.map(Sampled::share),
    }
}

fn sampled_marking(samples: &CpuSamples) -> Option<Sampled> {
    const MARKING: [&str; 4] = [
        "runtime.gcBgMarkWorker",
        "runtime.gcAssistAlloc",
        "runtime.gcDrain",
        "runtime.gcDrainN",
    ];
    let is_marking = |name: &str| MARKING.iter().any(|known| name.starts_with(known));
    let marking = of_the_program(samples, |stack| {
        stack.stack.iter().any(|frame| is_marking(&frame.function))
    });
    (marking.total >= MIN_SAMPLES).then_some(marking)
}

/// The share of the CPU that goes to assists. How long an assist took, which a probe tells, is no CPU time: the
/// kernel or the scheduler may have run something else meanwhile.
fn assisting_share(observed: &Observed) -> Option<f64> {
    let ns = observed.grown(|counters| counters.gc_assist_cpu_ns)?;
    (observed.seconds > 0.0).then(|| observed.cpu_share(ns as f64 / observed.seconds))
}

fn bytes_per_s(observed: &Observed) -> Option<f64> {
    let counted = observed.grown(|counters| counters.allocated_bytes);
    if let (Some(bytes), true) = (counted, observed.seconds > 0.0) {
        return Some(bytes as f64 / observed.seconds);
    }
    let seen = observed.sites("alloc", |_| true);
    observed
        .has("alloc")
        .then(|| total(&seen, AtSite::bytes_per_s))
}

fn fault(observed: &Observed, cycles: f64, marking: Option<f64>) -> Fault {
    let mut sites = observed.sites("alloc", |calls| calls.by_user);
    sites.sort_by(|a, b| b.bytes.total_cmp(&a.bytes));
    let title = if is_much(marking) {
        "the collector takes much of the CPU"
    } else {
        "the heap is collected several times a second"
    };
    let mut fault = Fault::new(title)
        .evidence("collections", cycles, "1/s")
        .evidence_if("CPU for marking", marking, "share")
        .evidence_if("allocated", bytes_per_s(observed), "bytes/s");
    let all_bytes = total(&sites, |site| site.bytes);
    for site in sites
        .iter()
        .take(TOP)
        .filter(|site| site.bytes > NAMED_SHARE * all_bytes)
    {
        let of_it = format!("of it {}", short(&site.site));
        fault = fault.evidence(of_it, site.bytes_per_s(), "bytes/s");
    }
    fault = fault.evidence_if(
        "CPU in assists",
        assisting_share(observed).map(|share| share.min(marking.unwrap_or(1.0))),
        "share",
    );
    let assists = observed.sites("gc-assist", |calls| calls.by_user);
    let longest = assists
        .iter()
        .max_by(|a, b| a.sum_ns.total_cmp(&b.sum_ns))
        .filter(|site| site.sum_ns > 0.0);
    if let Some(site) = longest {
        let name = format!("assisting on average at {}", short(&site.site));
        fault = fault.evidence(name, site.ns_per_s() / 1e9, "goroutines");
    }
    let most = sites
        .first()
        .filter(|site| site.bytes > 0.0 && site.bytes >= MOST_SHARE * all_bytes);
    fault.site = most.map(|site| site.site.clone());
    // A cycle without a known share: a small heap takes some 100 µs on each of the CPUs that mark.
    let share = marking.unwrap_or_else(|| observed.cpu_share(cycles * 500_000.0));
    fault.confidence = if marking.is_some() { 0.95 } else { 0.8 };
    fault.costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collecting(cycles: u64, mark_ns: Option<u64>) -> Observed {
        idle()
            .stated(|state| {
                state.counters.gc_cycles = Some(7);
                state.counters.gc_mark_cpu_ns = mark_ns.map(|_| 0);
                state.counters.allocated_bytes = Some(0);
            })
            .ended(|state| {
                state.counters.gc_cycles = Some(7 + cycles);
                state.counters.gc_mark_cpu_ns = mark_ns;
                state.counters.allocated_bytes = Some(5_000_000_000);
            })
            .with(calls("alloc").per_second(100_000.0).of_bytes(4_000))
    }

    #[test]
    fn many_collections_are_found_with_the_line_that_allocates() {
        let faults = found(examine(&collecting(200, Some(1_500_000_000))));
        assert_eq!(faults[0].severity(), Severity::Critical, "15 % of a CPU");
        assert!(faults[0].site.is_some(), "one line has all the bytes");
        assert!(
            faults[0]
                .evidence
                .iter()
                .any(|e| e.name.contains("work.Do"))
        );
    }

    #[test]
    fn assists_are_cpu_time_by_the_runtimes_count_and_goroutines_by_the_probe() {
        let slow = calls("gc-assist").per_second(100.0).lasting(900_000);
        let seen = collecting(200, None)
            .with(slow)
            .stated(|state| state.counters.gc_assist_cpu_ns = Some(0))
            .ended(|state| state.counters.gc_assist_cpu_ns = Some(100_000_000));
        let faults = found(examine(&seen));
        let is = |name: &str, value: f64| {
            let mut evidence = faults[0].evidence.iter();
            evidence.any(|e| e.name.starts_with(name) && (e.value - value).abs() < 1e-9)
        };
        assert!(is("CPU in assists", 0.01));
        assert!(is("assisting on average at work.Do", 0.09));
    }

    #[test]
    fn two_a_second_is_the_threshold() {
        assert_eq!(found(examine(&collecting(20, None))).len(), 1);
        assert!(is_clear(&examine(&collecting(19, None))));
    }

    #[test]
    fn forced_collections_are_another_rules() {
        let forced = collecting(200, None)
            .stated(|state| state.counters.forced_gc_cycles = Some(0))
            .ended(|state| state.counters.forced_gc_cycles = Some(195));
        assert!(is_clear(&examine(&forced)));
    }

    #[test]
    fn without_counters_the_probes_decide_or_nobody() {
        let cycles = calls("gc-cycle").per_second(10.0).not_by_user();
        let busy = calls("alloc").per_second(100_000.0).of_bytes(4_000);
        assert_eq!(found(examine(&idle().with(cycles).with(busy))).len(), 1);
        let mut blind = idle();
        blind.probes.clear();
        assert!(is_undecided(&examine(&blind)));
    }
}
