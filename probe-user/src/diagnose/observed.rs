//! What rules judge: everything that one run saw, from the report and the recording.

use std::collections::BTreeMap;

use super::{
    calls::{AtSite, Calls},
    frames::{is_of_module, written_in},
    go_release::{GoRelease, godebug},
};
use crate::{
    aggregate::Profile,
    allocated::Refined,
    estimate::{Estimate, Scale},
    observed::{CpuSamples, RuntimeCounters, RuntimeSettings, State},
    recording::Recording,
    report::{Location, Probe, Report, TargetInfo},
    symbolize::{NamedPath, paths},
};

/// The probes' own time in one latency where the host was not calibrated: about 1 µs per pair
/// (measured, kernel 6.18 on a virtual machine; facts on a 25 ns send read as 1.0 µs).
const UNCALIBRATED_BIAS_NS: f64 = 1_000.0;

/// Of what the runtime counts as allocated, so much was asked for at least: size classes are an eighth apart or less, and
/// windows are not exact.
const ASKED_SHARE: f64 = 0.8;

/// Below this a process counts as if it used so many CPUs: half of nothing is no harm.
const IDLE_CPUS: f64 = 0.1;

/// Everything that one run saw of one target.
#[derive(Clone, Debug)]
pub struct Observed {
    pub target: TargetInfo,
    pub host_cpus: u32,
    /// `None` for development versions without a number.
    pub go: Option<GoRelease>,
    /// The defaults that the module's go line sets, `a=1,b=2`; `None` where the build info does not say.
    pub default_godebug: Option<String>,
    /// Those of [`catalogue::FUNCTIONS`](super::catalogue::FUNCTIONS) that the program contains; `None`: unknown.
    pub linked: Option<Vec<String>>,
    pub seconds: f64,
    /// For how many of them the target was stopped.
    pub stopped_seconds: f64,
    pub probes: Vec<Probe>,
    /// How often those were on that were not on all the time.
    pub windows: BTreeMap<String, u64>,
    pub calls: Vec<Calls>,
    /// By probe: below this a latency can't be told from nothing.
    pub floors_ns: BTreeMap<String, u64>,
    /// Before the first probe was on.
    pub start: Option<State>,
    /// After the last probe was off.
    pub end: Option<State>,
    /// By function which lines call it, of those that leave something behind.
    pub callers: BTreeMap<String, Vec<Location>>,
    pub samples: Option<CpuSamples>,
}

/// How what windows saw becomes what there was.
pub(crate) struct Estimates<'a> {
    /// Of the probes that were on in windows only.
    pub(crate) scales: &'a BTreeMap<&'a str, Scale>,
    /// By row of the profile, where the runtime's own memory profile tells more.
    pub(crate) refined: &'a BTreeMap<u32, Refined>,
}

impl Estimates<'_> {
    fn of(&self, profile: &Profile, path: &NamedPath) -> Option<Estimate> {
        let scale = self.scales.get(path.probe.as_str())?;
        let estimate = scale.estimate(profile, &[path.row], path.totals.hits);
        let Some(refined) = self.refined.get(&path.row) else {
            return Some(estimate);
        };
        let count = estimate.count as f64 * refined.count;
        Some(Estimate {
            count: count.round() as u64,
            low: (count * refined.low).round() as u64,
            high: (count * refined.high).round() as u64,
            bytes: (estimate.bytes as f64 * refined.bytes).round() as u64,
            ..estimate
        })
    }
}

impl Observed {
    /// Puts together what a run saw. `profile` is the recording's, with what `report` counts as lost.
    pub(crate) fn new(
        report: &Report,
        recording: &Recording,
        profile: &Profile,
        estimates: &Estimates<'_>,
    ) -> Self {
        let end = recording.end.as_ref();
        let is_net = recording.header.calibration.is_some();
        let bias_ns = if is_net { 0.0 } else { UNCALIBRATED_BIAS_NS };
        Self {
            target: report.target.clone(),
            host_cpus: report.host.cpus,
            go: GoRelease::parse(&report.target.go_version),
            default_godebug: recording.header.default_godebug.clone(),
            linked: recording.header.linked.clone(),
            seconds: report.window.duration_ns as f64 / 1e9,
            stopped_seconds: end.map_or(0.0, |end| end.stopped_ns as f64 / 1e9),
            probes: report.probes.clone(),
            windows: (estimates.scales.iter())
                .filter_map(|(probe, scale)| Some(((*probe).to_owned(), scale.windows()?)))
                .collect(),
            calls: paths(profile, &recording.symbols)
                .map(|path| {
                    let whole = estimates.of(profile, &path);
                    calls(path, whole, bias_ns)
                })
                .collect(),
            floors_ns: (report.call_sites.iter())
                .filter_map(|site| Some((site.probe.clone(), site.latency.as_ref()?.floor_ns?)))
                .collect(),
            start: start(recording),
            end: end.and_then(|end| end.state.clone()),
            callers: end.map(|end| end.callers.clone()).unwrap_or_default(),
            samples: end.and_then(|end| end.samples.clone()),
        }
    }

    /// Adds up the calls of `probe` that `keep` holds for, by line; the most frequent line comes first. What a
    /// line does at once and what it defers is one line's.
    pub fn sites(&self, probe: &str, keep: impl Fn(&Calls) -> bool) -> Vec<AtSite<'_>> {
        let mut sites: BTreeMap<(&str, &str, u32), AtSite<'_>> = BTreeMap::new();
        for calls in self
            .calls
            .iter()
            .filter(|calls| calls.probe == probe && keep(calls))
        {
            let key = (
                written_in(&calls.site.function),
                calls.site.file.as_ref(),
                calls.site.line,
            );
            sites
                .entry(key)
                .or_insert_with(|| AtSite::new(calls, self.seconds, self.target.module.as_deref()))
                .add(calls);
        }
        let mut sites: Vec<AtSite<'_>> = sites.into_values().collect();
        sites.sort_by(|a, b| b.count.total_cmp(&a.count));
        sites
    }

    /// Returns the one line that calls `function`: of the main module's if there are any, else of all.
    pub fn only_caller(&self, function: &str) -> Option<&Location> {
        let all = self.callers.get(function)?;
        let module = self.target.module.as_deref();
        let mut own = all
            .iter()
            .filter(|line| is_of_module(&line.function, module));
        match (own.next(), own.next(), all.as_slice()) {
            (Some(only), None, _) | (None, _, [only]) => Some(only),
            _ => None,
        }
    }

    /// Adds up the calls of `probe` that `keep` holds for, whatever their lines; `None` where there are none.
    pub fn together(&self, probe: &str, keep: impl Fn(&Calls) -> bool) -> Option<AtSite<'_>> {
        let mut sites = self.sites(probe, keep).into_iter();
        let mut all = sites.next()?;
        for site in sites {
            for calls in site.calls {
                all.add(calls);
            }
        }
        all.by_user = false;
        Some(all)
    }

    pub fn probe(&self, name: &str) -> Option<&Probe> {
        self.probes.iter().find(|probe| probe.name == name)
    }

    /// Returns a quantile of a site's latencies; `None` where nothing completed, or it can't be told from nothing.
    pub fn told_quantile_ns(&self, site: &AtSite<'_>, quantile: f64) -> Option<f64> {
        let probe = site.calls.first().map_or("", |calls| &calls.probe);
        let floor_ns = self.floors_ns.get(probe).copied().unwrap_or(0);
        let found = site.quantile_ns(quantile)?;
        (found >= floor_ns).then_some(found as f64)
    }

    /// Returns for how many seconds a probe was on while the target could run.
    pub fn watched_seconds(&self, probe: &str) -> f64 {
        let seconds = (self.seconds - self.stopped_seconds).max(0.0);
        self.probe(probe)
            .map_or(0.0, |probe| probe.observed_share * seconds)
    }

    /// Returns how many CPUs the target used; `None` where its CPU time is unknown.
    pub fn cpus_used(&self) -> Option<f64> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        let used_ns = end.cpu_time_ns?.checked_sub(start.cpu_time_ns?)?;
        let between_ns = end.elapsed_ns.checked_sub(start.elapsed_ns)?;
        (between_ns > 0).then(|| used_ns as f64 / between_ns as f64)
    }

    /// Returns the share of the target's CPU time that so many nanoseconds a second are; of one CPU where
    /// its CPU time is unknown.
    pub fn cpu_share(&self, ns_per_s: f64) -> f64 {
        let cpus = self.cpus_used().unwrap_or(1.0).max(IDLE_CPUS);
        (ns_per_s / 1e9 / cpus).clamp(0.0, 1.0)
    }

    /// Returns for how many seconds a second the target's threads could run and did not, added up; `None` where it
    /// is unknown, for instance because threads have ended meanwhile.
    pub fn waits_for_cpu(&self) -> Option<f64> {
        let waited = self
            .end
            .as_ref()?
            .cpu_wait_ns?
            .checked_sub(self.start.as_ref()?.cpu_wait_ns?)?;
        (self.seconds > 0.0).then(|| waited as f64 / 1e9 / self.seconds)
    }

    /// Returns the part of the time that threads of the target which could run did so; 1 where it is unknown.
    pub fn served_share(&self) -> f64 {
        match (self.cpus_used(), self.waits_for_cpu()) {
            (Some(used), Some(waited)) if used + waited > 0.0 => used / (used + waited),
            _ => 1.0,
        }
    }

    /// Returns by how much a counter of the runtime grew.
    pub fn grown(&self, counter: impl Fn(&RuntimeCounters) -> Option<u64>) -> Option<u64> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        counter(&end.counters)?.checked_sub(counter(&start.counters)?)
    }

    /// Returns the bytes a second that the runtime counted, which are rounded up, beyond those that paths account for.
    pub fn unseen_bytes_per_s(&self) -> f64 {
        let counted = self.grown(|counters| counters.allocated_bytes).unwrap_or(0) as f64;
        let allocations = self.calls.iter().filter(|calls| calls.probe == "alloc");
        let told: f64 = allocations.map(|calls| calls.bytes).sum();
        (counted * ASKED_SHARE - told).max(0.0) / self.seconds.max(1e-9)
    }

    /// Returns a setting of the runtime at both ends, where it was read at both.
    pub fn setting<T>(&self, setting: impl Fn(&RuntimeSettings) -> Option<T>) -> Option<(T, T)> {
        let (start, end) = (self.start.as_ref()?, self.end.as_ref()?);
        Some((setting(&start.settings)?, setting(&end.settings)?))
    }

    /// Returns whether the release is `minor` of Go 1 or later; an unknown one is taken for a late one.
    pub fn is_go(&self, minor: u32) -> bool {
        self.go.is_none_or(|go| go >= GoRelease::new(1, minor))
    }

    /// Returns whether the program contains one of these functions; `None` where that is not known.
    pub fn links_any(&self, functions: &[&str]) -> Option<bool> {
        let linked = self.linked.as_ref()?;
        Some(linked.iter().any(|name| functions.contains(&name.as_str())))
    }

    /// Returns a default of `GODEBUG`, as the module's go line sets it.
    pub fn godebug(&self, key: &str) -> Option<&str> {
        godebug(self.default_godebug.as_deref()?, key)
    }
}

/// Returns what was seen of the target's state at first.
fn start(recording: &Recording) -> Option<State> {
    let state = recording.header.state.clone()?;
    let end = recording.end.as_ref();
    let settings = end.and_then(|end| end.first_settings);
    Some(State {
        settings: settings.unwrap_or(state.settings),
        ..state
    })
}

/// `whole` is what was seen of a path in windows, estimated for the whole time; `None`: all of it was seen.
fn calls(path: NamedPath, whole: Option<Estimate>, bias_ns: f64) -> Calls {
    let by_user = path.is_users();
    let below = path.below_site().to_vec();
    let above = path
        .frames
        .get(path.site_at + 1..)
        .unwrap_or_default()
        .to_vec();
    let totals = &path.totals;
    let exactly = Estimate {
        count: totals.hits,
        low: totals.hits,
        high: totals.hits,
        unseen: 0,
        bytes: totals.bytes,
    };
    let whole = whole.unwrap_or(exactly);
    let scale = whole.count as f64 / totals.hits.max(1) as f64;
    let bias = totals.completed as f64 * bias_ns;
    Calls {
        reason: path.reason,
        detail: path.detail,
        what: path.what,
        calls_others: path.calls_others,
        element_read: path.element_read,
        grows_from_nothing: path.grows_from_nothing,
        by_user,
        below,
        above,
        hits: totals.hits,
        completed: totals.completed,
        count: whole.count as f64,
        low: whole.low as f64,
        high: whole.high as f64,
        bytes: whole.bytes.max(totals.bytes) as f64,
        noted: totals.noted as f64 * scale,
        sum_ns: (totals.sum_ns as f64 - bias).max(0.0) * scale,
        min_ns: totals.min_ns,
        max_ns: totals.max_ns,
        latencies: path.buckets,
        probe: path.probe,
        site: path.site,
        inlined_into: path.inlined_into,
    }
}
