//! What has to hold for every report whatever the target did.

use probe_user::report::{EndedBy, Report};

/// Whether nothing ends the operations of a probe: they are complete when they begin, and have no latency.
pub(crate) fn has_no_duration(probe: &str) -> bool {
    let events = [
        "thread-lock",
        "goroutine-count",
        "gosched",
        "defer",
        "finalizer",
        "pool-miss",
        "map-read",
        "block-profile",
        "reflect-field",
    ];
    events.contains(&probe)
}

/// Whether some of the probe's operations have none: `runtime.Callers` is only counted.
pub(crate) fn may_have_no_duration(probe: &str) -> bool {
    probe == "caller"
}

/// Checks that every hit is accounted for: by probe, and by call site.
#[track_caller]
pub(crate) fn assert_sums(report: &Report) {
    for probe in &report.probes {
        let name = &probe.name;
        let lost: u64 = probe.lost.values().sum();
        assert_eq!(
            probe.hits,
            probe.completed + probe.open + lost,
            "{name}: {probe:?}"
        );
        let without_row: u64 = ["full", "foreign"]
            .iter()
            .filter_map(|&reason| probe.lost.get(reason))
            .sum();
        let sites = || report.call_sites.iter().filter(|site| site.probe == *name);
        let hits: u64 = sites().map(|site| site.hits).sum();
        assert!(
            hits <= probe.hits && probe.hits <= hits + without_row,
            "{name}: {} hits, {hits} at call sites, {without_row} without one",
            probe.hits
        );
        if has_no_duration(name) || may_have_no_duration(name) {
            continue;
        }
        let completed: u64 = sites()
            .filter_map(|site| site.latency.as_ref())
            .map(|latency| latency.count)
            .sum();
        // Latencies are recorded less often than counts: call paths that came last may have none.
        if report.window.ended_by == EndedBy::RecorderLost {
            assert!(completed <= probe.completed, "{name}");
        } else {
            assert_eq!(completed, probe.completed, "{name}");
        }
    }
}
