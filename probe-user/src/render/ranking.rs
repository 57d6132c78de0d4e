//! Which call sites come first, and what part of their probe's time each has.

use std::{cmp::Reverse, collections::BTreeMap};

use super::Sort;
use crate::report::{CallSite, Report};

/// Returns the call sites in the order of `sort`, largest first, equal ones by their count.
pub(super) fn ranked(report: &Report, sort: Sort) -> Vec<&CallSite> {
    let mut sites: Vec<_> = report.call_sites.iter().collect();
    sites.sort_by_key(|site| (Reverse(key(sort, site)), Reverse(site.count)));
    sites
}

fn key(sort: Sort, site: &CallSite) -> u64 {
    let latency = site.latency.as_ref();
    match sort {
        Sort::Total => latency.map_or(site.hits, |latency| latency.sum_ns),
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

/// Returns each probe's sum of latency over all call sites, in nanoseconds.
pub(super) fn totals(report: &Report) -> BTreeMap<&str, u64> {
    let mut totals = BTreeMap::new();
    for site in &report.call_sites {
        let sum_ns = site.latency.as_ref().map_or(0, |latency| latency.sum_ns);
        let total: &mut u64 = totals.entry(site.probe.as_str()).or_default();
        *total = total.saturating_add(sum_ns);
    }
    totals
}

/// Returns the call site's part of its probe's time, 0 to 1; `None` where no time is known.
pub(super) fn share(site: &CallSite, totals: &BTreeMap<&str, u64>) -> Option<f64> {
    let sum_ns = site.latency.as_ref()?.sum_ns;
    match totals.get(site.probe.as_str()) {
        None | Some(0) => None,
        Some(&total) => Some(sum_ns as f64 / total as f64),
    }
}
