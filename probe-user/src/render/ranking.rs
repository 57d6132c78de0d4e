//! Which call sites come first, and what part of their probe's time each has.

use std::{cmp::Reverse, collections::BTreeMap};

use super::Sort;
use crate::report::{CallSite, Report};

/// Probes whose operations last as long as there is nothing to do, or while the program goes on: by total time they
/// would come before everything that costs something.
const IN_BACKGROUND: [&str; 6] = [
    "park",
    "select",
    "chan-recv",
    "timer-fire",
    "goroutine-run",
    "gc-cycle",
];

/// Returns the call sites in the order of `sort`, largest first, equal ones by their count. By total time those
/// of [`IN_BACKGROUND`] come behind all others.
pub(super) fn ranked(report: &Report, sort: Sort) -> Vec<&CallSite> {
    let mut sites: Vec<_> = report.call_sites.iter().collect();
    sites.sort_by_key(|site| {
        let behind = sort == Sort::Total && IN_BACKGROUND.contains(&site.probe.as_str());
        (behind, Reverse(key(sort, site)), Reverse(site.count))
    });
    sites
}

fn key(sort: Sort, site: &CallSite) -> u64 {
    let latency = site.latency.as_ref();
    match sort {
        Sort::Total => total_ns(site).unwrap_or(site.count),
        Sort::Count => site.count,
        Sort::P99 => latency.map_or(0, |latency| latency.p99_ns),
        Sort::Max => latency.map_or(0, |latency| latency.max_ns),
    }
}

/// Returns the order in words.
pub(super) const fn words(sort: Sort) -> &'static str {
    match sort {
        Sort::Total => "by total time",
        Sort::Count => "by count",
        Sort::P99 => "by 99th percentile",
        Sort::Max => "by slowest operation",
    }
}

/// Returns the time of all operations of a call site, in nanoseconds, those included that were not observed.
pub(super) fn total_ns(site: &CallSite) -> Option<u64> {
    let latency = site.latency.as_ref()?;
    if site.count == site.hits || site.hits == 0 {
        return Some(latency.sum_ns);
    }
    Some((latency.sum_ns as f64 * site.count as f64 / site.hits as f64) as u64)
}

/// Returns each probe's sum of latency over all call sites, in nanoseconds.
pub(super) fn totals(report: &Report) -> BTreeMap<&str, u64> {
    let mut totals = BTreeMap::new();
    for site in &report.call_sites {
        let total: &mut u64 = totals.entry(site.probe.as_str()).or_default();
        *total = total.saturating_add(total_ns(site).unwrap_or(0));
    }
    totals
}

/// Returns the call site's part of its probe's time, 0 to 1; `None` where no time is known.
pub(super) fn share(site: &CallSite, totals: &BTreeMap<&str, u64>) -> Option<f64> {
    let total_ns = total_ns(site)?;
    match totals.get(site.probe.as_str()) {
        None | Some(0) => None,
        Some(&total) => Some(total_ns as f64 / total as f64),
    }
}
