//! `memstats-per-request`.
//!
//! # What it looks for
//! A line of the program that reads memory statistics once a second or more.
//! # Why it matters
//! Each reading stops the world (src/runtime/mstats.go `ReadMemStats`, Go 1.21 to 1.27).
//! # Evidence
//! Collections of the statistics, and the stops of the world that the same line asked for.
//! # What to try
//! `runtime/metrics`, or one reading that is shared.
//! # References
//! source-13, package-1; <https://pkg.go.dev/runtime/metrics>.

use super::prelude::*;

/// From the catalogue: scrapes are some seconds apart, requests are not.
const RATE_PER_S: f64 = 1.0;
/// `stwReadMemStats` of src/runtime/proc.go.
const READ_MEM_STATS: u8 = 7;

pub static RULE: Rule = Rule {
    name: "memstats-per-request",
    exercises: &["source-13", "package-1"],
    probes: &["mem-stats", "stop-the-world"],
    examine,
    advice: Advice {
        refuted_by: "a line that is a test's or a benchmark's own measurement, not part of serving.",
        cure: "Read the few values that are needed with runtime/metrics, which stops nothing; or read once every few seconds on one goroutine and let requests load the copy.",
        do_not_bother_when: "It is read a few times a minute and the longest pause is shorter than what you promise your users.",
    },
    explanation: Explanation {
        title: "Memory statistics are read by stopping the world",
        in_the_runtime: "runtime.ReadMemStats stops every goroutine, adds up the counters of all Ps and size classes on the system stack, and starts the world again. The pause is 15 to 100 µs on an idle host, grows with GOMAXPROCS, and lasts longer when a goroutine is slow to reach a safe point. Every request in flight waits, not only the one that asked.",
        how_it_is_seen: "A probe on the collection itself counts readings per line, a probe on stops of the world times the pauses that the same line asked for. Found from one reading a second on.",
        example: "// before\nvar m runtime.MemStats\nruntime.ReadMemStats(&m)\ngauge.Set(m.HeapAlloc)\n\n// after\nsample := []metrics.Sample{{Name: \"/memory/classes/heap/objects:bytes\"}}\nmetrics.Read(sample)\ngauge.Set(sample[0].Value.Uint64())",
        versions: "Go 1.21 to 1.27 alike. runtime/metrics exists since 1.16.",
    },
};

fn examine(observed: &Observed) -> Judgement {
    observed.frequent(
        "mem-stats",
        RATE_PER_S,
        |calls| calls.by_user,
        fault,
        "memory statistics are read less than once a second",
    )
}

fn fault(observed: &Observed, site: &AtSite<'_>) -> Fault {
    let pauses = observed.sites("stop-the-world", |calls| calls.reason == READ_MEM_STATS);
    let pauses = pauses.iter().find(|pauses| pauses.site == site.site);
    let stopped_ns = pauses.map_or(site.ns_per_s(), AtSite::ns_per_s);
    let mut fault = Fault::at(site, "the world is stopped to read memory statistics").evidence(
        "readings",
        site.rate_per_s(),
        "1/s",
    );
    if let Some(pauses) = pauses {
        fault = fault
            .evidence_if(
                "p99 pause",
                pauses.quantile_ns(0.99).map(|ns| ns as f64),
                "ns",
            )
            .evidence("longest pause", pauses.max_ns as f64, "ns");
    }
    let share = stopped_ns / 1e9;
    fault.evidence("stopped", share, "share").costs(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(rate: f64) -> Calls {
        calls("mem-stats")
            .per_second(rate)
            .lasting(20_000)
            .through_runtime(&["runtime.ReadMemStats"])
    }

    #[test]
    fn readings_at_a_request_rate_are_found_with_their_pauses() {
        let pause = calls("stop-the-world")
            .per_second(500.0)
            .lasting(40_000)
            .reason(READ_MEM_STATS);
        let faults = found(examine(&idle().with(reading(500.0)).with(pause)));
        assert_eq!(faults.len(), 1);
        assert_eq!(
            faults[0].severity(),
            Severity::Warning,
            "2 % of the time stopped"
        );
        assert!(
            faults[0]
                .evidence
                .iter()
                .any(|e| e.name == "longest pause" && e.value >= 40_000.0)
        );
    }

    #[test]
    fn one_reading_a_second_is_the_threshold() {
        assert_eq!(found(examine(&idle().with(reading(1.0)))).len(), 1);
        assert!(is_clear(&examine(&idle().with(reading(0.9)))));
        assert_eq!(
            found(examine(&idle().with(reading(1.0))))[0].severity(),
            Severity::Info
        );
    }

    #[test]
    fn pauses_for_another_reason_are_not_counted() {
        let collection = calls("stop-the-world")
            .per_second(100.0)
            .lasting(1_000_000)
            .reason(2);
        assert!(is_clear(&examine(&idle().with(collection.clone()))));
        let faults = found(examine(&idle().with(reading(2.0)).with(collection)));
        assert!(faults[0].cost_share < 0.001);
    }

    #[test]
    fn without_the_probe_nothing_is_said() {
        let reason = "this program does not contain runtime.readmemstats_m";
        assert!(is_inapplicable(&examine(
            &idle().without_probe("mem-stats", reason)
        )));
    }
}
