//! What the sections of the page have in common, worked out once.

use std::collections::BTreeMap;

use super::bins::{Axis, Bins};
use crate::{
    diagnose::frames::written_in,
    render::{Sort, TextOptions, ranking},
    report::{CallSite, Finding, Location, Report},
};

/// Call sites that a page holds; a browser shows more only slowly, and what ranks lower matters less.
const MAX_SITES: usize = 2_000;

/// A call site with what is drawn for it.
#[derive(Debug)]
pub(super) struct Site<'a> {
    pub(super) site: &'a CallSite,
    pub(super) bins: Bins,
}

#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) report: &'a Report,
    /// In the order of `sort`, at most [`MAX_SITES`].
    pub(super) sites: Vec<Site<'a>>,
    pub(super) sort: Sort,
    /// Rows of a table that are shown at first; 0 shows all.
    pub(super) top: usize,
    /// `None`: there is no latency to draw.
    pub(super) axis: Option<Axis>,
    /// Sum of latency by probe, of all call sites.
    pub(super) totals: BTreeMap<&'a str, u64>,
    /// The worst first.
    pub(super) findings: Vec<&'a Finding>,
}

impl<'a> View<'a> {
    pub(super) fn new(report: &'a Report, options: &TextOptions) -> Self {
        let sites: Vec<_> = ranking::ranked(report, options.sort)
            .into_iter()
            .take(MAX_SITES)
            .map(|site| Site {
                site,
                bins: site
                    .latency
                    .as_ref()
                    .map_or_else(Bins::default, Bins::of_latency),
            })
            .collect();
        let mut findings: Vec<_> = report.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Self {
            report,
            axis: Axis::around(sites.iter().filter_map(|site| site.bins.ends())),
            sites,
            sort: options.sort,
            top: options.top,
            totals: ranking::totals(report),
            findings,
        }
    }

    /// Returns how many call sites the page leaves out.
    pub(super) fn n_left_out(&self) -> usize {
        self.report.call_sites.len() - self.sites.len()
    }

    /// Returns whether the row is shown before the reader asks for more.
    pub(super) fn is_at_the_top(&self, index: usize) -> bool {
        self.top == 0 || index < self.top
    }

    /// Returns the rows of the table that are at `place`.
    pub(super) fn rows_at(&self, place: &Location) -> Vec<usize> {
        let rows = self.sites.iter().enumerate();
        rows.filter(|(_, site)| is_at(site.site, place))
            .map(|(index, _)| index)
            .collect()
    }

    /// Returns the findings of the line that `site` is at.
    pub(super) fn findings_at(
        &self,
        site: &CallSite,
    ) -> impl Iterator<Item = (usize, &'a Finding)> {
        let findings = self.findings.iter().copied().enumerate();
        findings.filter(move |(_, finding)| {
            (finding.call_site.as_ref()).is_some_and(|place| is_at(site, place))
        })
    }
}

/// Whether a call site is at the place of a finding, which is named by the function that somebody wrote.
fn is_at(site: &CallSite, place: &Location) -> bool {
    written_in(&site.function) == place.function
        && *site.file == *place.file
        && site.line == place.line
}
