//! A recording in, the report out. The live session makes its report by the same way, so that
//! `rtprobe report FILE` shows the same numbers.

use std::{collections::BTreeMap, hash::Hasher as _, sync::Arc};

use probe_ebpf::abi::lost;

use crate::{
    aggregate::{self, Growth, Profile, sum},
    allocated::{self, Unseen},
    diagnose::{Estimates, Observed, diagnose},
    estimate::{self, Estimate, Scale},
    histogram,
    plan::ProbeName,
    recording::{Header, Recording},
    report::{
        CallSite, Cost, Cpu, Detail, EndedBy, Latency, Probe, ProbeState, Report, SCHEMA, Series,
        Site, SiteCost, SiteKind, StackFrame, TargetInfo, Timeline, Window,
    },
    samples,
    symbolize::{NamedCallSite, NamedDetail, holder, symbolize},
};

/// Makes the report of a recording.
pub fn summarize(recording: &Recording) -> Report {
    let mut profile = recording.profile.clone();
    let end = recording.end.as_ref();
    if let Some(end) = end {
        lose(&mut profile, &end.stale, lost::STALE);
        lose(&mut profile, &end.cut, lost::WINDOW);
    }
    let header = &recording.header;
    let duration_ns = end.map_or(recording.elapsed_ns, |end| end.duration_ns);
    let seconds = duration_ns as f64 / 1e9;
    allocated::bound(&mut profile, recording, duration_ns);
    let named = symbolize(&profile, &recording.symbols);
    add_up_by_function(&mut profile, &named.call_sites);
    let cpu = end
        .and_then(|end| end.samples.as_ref())
        .map(samples::summarize);
    let mut cannot_see = header.cannot_see.clone();
    cannot_see.extend(end.iter().flat_map(|end| end.notes.iter().cloned()));
    let state = end.and_then(|end| end.state.as_ref());
    cannot_see.extend(
        state
            .iter()
            .flat_map(|state| state.unreadable.iter().cloned()),
    );
    if end.is_none() {
        cannot_see.push(
            "the recorder did not end by itself: what happened after its last second is missing, and of the latencies up to \
             five seconds before"
                .to_owned(),
        );
    }
    let mut scales: BTreeMap<&str, Scale> = BTreeMap::new();
    for probe in recording.profile.sampling.probes.keys() {
        if let Some(scale) = Scale::of(recording, probe, duration_ns) {
            scales.insert(probe, scale);
        }
    }
    let probes: Vec<Probe> = header
        .probes
        .iter()
        .map(|probe| counted(&ended(probe, recording), &profile))
        .map(|probe| match scales.get(probe.name.as_str()) {
            Some(scale) => Probe {
                observed_share: scale.observed_share(duration_ns),
                count: scale.total(probe.hits),
                ..probe
            },
            None => probe,
        })
        .collect();
    cannot_see.extend(estimate::limits(&probes, &profile));
    let cost = Cost {
        budget_share: header.budget_share,
        target_share: target_share(&profile).or(cpu.as_ref().and_then(probing_share)),
        hits: profile.hits(),
        predicted_low_share: header.predicted_low_share,
        predicted_high_share: header.predicted_high_share,
        agent_cpu_share: end.and_then(|end| end.agent_cpu_share),
        agent_setup_cpu_ns: header.agent_setup_cpu_ns,
        agent_finish_cpu_ns: end.and_then(|end| end.agent_finish_cpu_ns),
        attach_ns: header.attach_ns.or(end.and_then(|end| end.attach_ns)),
        detach_ns: end.and_then(|end| end.detach_ns),
    };
    cannot_see.extend(estimate::overrun(&cost, &profile));
    cannot_see.extend(estimate::slows_others(&cost));
    let mut report = Report {
        schema: SCHEMA.to_owned(),
        rtprobe: header.tool.clone(),
        host: header.host.clone(),
        target: TargetInfo {
            gomaxprocs: (header.target.gomaxprocs).or(state.and_then(|state| state.gomaxprocs)),
            ..header.target.clone()
        },
        window: Window {
            start: header.start.clone(),
            duration_ns,
            ended_by: end.map_or(EndedBy::RecorderLost, |end| end.ended_by),
        },
        cost,
        probes,
        call_sites: named
            .call_sites
            .iter()
            .map(|site| {
                let found = CallSite {
                    latency: latency(site, floor_ns(header, &site.probe)),
                    ..call_site(site, seconds, header.stack_depth as usize)
                };
                match scales.get(site.probe.as_str()) {
                    Some(scale) => estimated(
                        found,
                        &scale.estimate(&profile, &site.rows, site.totals.hits),
                        seconds,
                    ),
                    None => found,
                }
            })
            .collect(),
        timeline: timeline(&profile.timeline),
        cpu,
        goroutines: state
            .and_then(|state| state.census.as_ref())
            .map(|census| census.groups.clone()),
        findings: Vec::new(),
        rules: Vec::new(),
        cannot_see,
    };
    let mut refined = BTreeMap::new();
    if scales.contains_key(ProbeName::Alloc.as_str()) {
        let sites = &mut report.call_sites;
        refined = allocated::refine(sites, &named.call_sites, recording, duration_ns);
    }
    if report.probes.iter().any(misses_allocations) {
        let unseen = allocated::unseen(&report.call_sites, recording, duration_ns);
        let depth = header.stack_depth as usize;
        let site = |line| only_profiled(line, seconds, depth);
        report.call_sites.extend(unseen.iter().map(site));
    }
    // Rules look at paths, of which there are as many again.
    drop(named);
    let estimates = Estimates {
        scales: &scales,
        refined: &refined,
    };
    let diagnosis = diagnose(
        &Observed::new(&report, recording, &profile, &estimates),
        &header.rules,
    );
    (report.findings, report.rules) = (diagnosis.findings, diagnosis.rules);
    report
}

/// Adds up what windows tell of each probe by function.
fn add_up_by_function(profile: &mut Profile, sites: &[NamedCallSite]) {
    fn function(site: &NamedCallSite) -> (&str, &str) {
        let function = site.inlined_into.as_deref();
        (&site.probe, function.unwrap_or(&site.site.function))
    }
    let mut sums: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for site in sites {
        let rows = (site.rows.iter()).filter_map(|row| profile.sampling.rows.get(row));
        *sums.entry(function(site)).or_default() += rows.map(|row| row.count).sum::<f64>();
    }
    for site in sites {
        let sum = sums.get(&function(site)).copied().unwrap_or_default();
        for row in &site.rows {
            if let Some(row) = profile.sampling.rows.get_mut(row) {
                row.of_function = sum;
            }
        }
    }
}

/// Counts operations in flight at the end as lost for `reason`: how many by row, at most those that are open.
fn lose(profile: &mut Profile, rows: &[(u32, u64)], reason: usize) {
    for (row, n) in rows {
        if let Some(row) = profile.rows.get_mut(row) {
            let n = (*n).min(row.totals.open());
            if let Some(lost) = row.totals.lost.get_mut(reason) {
                *lost = lost.saturating_add(n);
            }
        }
    }
}

/// Returns the share of the samples that found the probes at work.
fn probing_share(cpu: &Cpu) -> Option<f64> {
    let found = cpu
        .samples
        .checked_sub(cpu.lost)
        .filter(|&found| found > 0)?;
    Some((cpu.probing as f64 / found as f64).min(1.0))
}

fn timeline(timeline: &aggregate::Timeline) -> Option<Timeline> {
    let series = |(probe, growth): (&String, &Vec<Growth>)| {
        let list = |of: fn(&Growth) -> u64| growth.iter().map(of).collect();
        Series {
            probe: probe.clone(),
            hits: list(|growth| growth.hits),
            latency_ns: list(|growth| growth.sum_ns),
            bytes: (probe == ProbeName::Alloc.as_str()).then(|| list(|growth| growth.bytes)),
        }
    };
    (!timeline.series.is_empty()).then(|| Timeline {
        ends_ns: timeline.ends_ns.clone(),
        series: timeline.series.iter().map(series).collect(),
    })
}

/// Puts the estimate in the place of what was seen.
fn estimated(found: CallSite, estimate: &Estimate, seconds: f64) -> CallSite {
    let seconds = seconds.max(1e-9);
    let bytes = found.bytes.map(|seen| seen.max(estimate.bytes));
    CallSite {
        count: estimate.count,
        count_low: estimate.low,
        count_high: estimate.high.saturating_add(estimate.unseen),
        rate_per_s: estimate.count as f64 / seconds,
        bytes,
        bytes_per_s: bytes.map(|bytes| bytes as f64 / seconds),
        ..found
    }
}

/// Returns what the probes took of the target's CPU time. Prices are not exact: of a program that does next to nothing
/// else, the sum can be more than there is.
fn target_share(profile: &Profile) -> Option<f64> {
    let spending = profile.spending.as_ref()?;
    let share = spending.probes_ns / spending.target_ns as f64;
    (spending.target_ns > 0).then(|| share.min(1.0))
}

/// Returns what one probe took of it.
fn cost_share(profile: &Profile, probe: &str) -> Option<f64> {
    let spending = profile.spending.as_ref()?;
    let took_ns = spending.of_probes_ns.get(probe)?;
    (spending.target_ns > 0).then(|| took_ns / spending.target_ns as f64)
}

/// Takes over what became of a probe.
fn ended(probe: &Probe, recording: &Recording) -> Probe {
    let end = recording.end.as_ref();
    let end = end.and_then(|end| end.probes.iter().find(|end| end.name == probe.name));
    end.map_or_else(
        || probe.clone(),
        |end| Probe {
            state: end.state,
            reason: end.reason.clone(),
            observed_share: 0.0,
            ..probe.clone()
        },
    )
}

/// Fills in a probe's counts.
fn counted(probe: &Probe, profile: &Profile) -> Probe {
    let (mut hits, mut completed, mut open) = (0_u64, 0_u64, 0_u64);
    let mut lost = [0; lost::N];
    let of_probe = profile.rows.values().filter(|row| {
        row.path
            .as_ref()
            .is_some_and(|path| path.probe == probe.name)
    });
    for row in of_probe {
        hits = hits.saturating_add(row.totals.hits);
        completed = completed.saturating_add(row.totals.completed);
        open = open.saturating_add(row.totals.open());
        add(&mut lost, &row.totals.lost);
    }
    let without_row = ProbeName::from_name(&probe.name)
        .and_then(|name| profile.counters.get(usize::from(name.index())));
    if let Some(counters) = without_row {
        hits = hits.saturating_add(sum(counters));
        add(&mut lost, counters);
    }
    let lost: BTreeMap<String, u64> = lost::NAMES
        .iter()
        .map(|&name| name.to_owned())
        .zip(lost)
        .collect();
    Probe {
        hits,
        completed,
        open,
        lost,
        count: hits,
        cost_share: cost_share(profile, &probe.name),
        ..probe.clone()
    }
}

fn add(sums: &mut [u64; lost::N], more: &[u64; lost::N]) {
    for (sum, n) in sums.iter_mut().zip(more) {
        *sum = sum.saturating_add(*n);
    }
}

fn call_site(named: &NamedCallSite, seconds: f64, stack_depth: usize) -> CallSite {
    let totals = &named.totals;
    let per_second = |n: u64| {
        if seconds > 0.0 {
            n as f64 / seconds
        } else {
            0.0
        }
    };
    let allocates = named.probe == ProbeName::Alloc.as_str();
    let stops = named.probe == ProbeName::StopTheWorld.as_str();
    let reason = (stops.then(|| named.details.first()).flatten()).map(|most| most.what.clone());
    let notes = ProbeName::from_name(&named.probe).is_some_and(ProbeName::notes);
    let frames = named.stack.iter().map(|symbol| &symbol.frame);
    CallSite {
        id: id_of(&named.probe, &named.site, named.inlined_into.as_deref()),
        probe: named.probe.clone(),
        function: Arc::clone(&named.site.function),
        file: Arc::clone(&named.site.file),
        line: named.site.line,
        inlined_into: named.inlined_into.clone(),
        stack: shortened(frames, &named.site, stack_depth),
        reason,
        hits: totals.hits,
        count: totals.hits,
        count_low: totals.hits,
        count_high: totals.hits,
        rate_per_s: per_second(totals.hits),
        bytes: allocates.then_some(totals.bytes),
        bytes_per_s: allocates.then(|| per_second(totals.bytes)),
        latency: None,
        noted: notes.then_some(totals.noted),
        details: (named.details.iter())
            .map(|part| detail(part, allocates))
            .collect(),
    }
}

/// Returns whether a probe is that of allocations, and was off for a part of the time or all of it.
fn misses_allocations(probe: &Probe) -> bool {
    probe.name == ProbeName::Alloc.as_str()
        && matches!(probe.state, ProbeState::Windowed | ProbeState::Dropped)
}

/// A line that allocates, as the runtime's own memory profile tells it: no window saw it.
fn only_profiled(unseen: &Unseen<'_>, seconds: f64, stack_depth: usize) -> CallSite {
    let Unseen { line, stack, .. } = unseen;
    let inlined_into = holder(stack, line).map(str::to_owned);
    let per_second = |n: u64| n as f64 / seconds.max(1e-9);
    CallSite {
        id: id_of(ProbeName::Alloc.as_str(), line, inlined_into.as_deref()),
        probe: ProbeName::Alloc.as_str().to_owned(),
        function: Arc::clone(&line.function),
        file: Arc::clone(&line.file),
        line: line.line,
        inlined_into,
        stack: shortened(stack.iter(), line, stack_depth),
        reason: None,
        hits: 0,
        count: unseen.count,
        count_low: unseen.low,
        count_high: unseen.high,
        rate_per_s: per_second(unseen.count),
        bytes: Some(unseen.bytes),
        bytes_per_s: Some(per_second(unseen.bytes)),
        latency: None,
        noted: None,
        details: Vec::new(),
    }
}

fn detail(part: &NamedDetail, allocates: bool) -> Detail {
    Detail {
        what: part.what.clone(),
        hits: part.totals.hits,
        bytes: allocates.then_some(part.totals.bytes),
    }
}

/// The innermost frames, as many as asked for, the call site always among them.
fn shortened<'a>(
    stack: impl Iterator<Item = &'a StackFrame> + Clone,
    site: &'a StackFrame,
    depth: usize,
) -> Vec<StackFrame> {
    let at = stack.clone().position(|frame| frame == site).unwrap_or(0);
    let depth = depth.max(1);
    if at < depth {
        return stack.take(depth).cloned().collect();
    }
    let inner = stack.take(depth - 1);
    inner.chain(std::iter::once(site)).cloned().collect()
}

/// A name for the call site that is the same in every run of the same binary.
fn id_of(probe: &str, site: &StackFrame, inlined_into: Option<&str>) -> String {
    let mut hasher = Fnv::default();
    let inlined_into = inlined_into.unwrap_or_default();
    for part in [probe, &site.function, &site.file, inlined_into] {
        hasher.write(part.as_bytes());
        hasher.write(&[0]);
    }
    hasher.write(&site.line.to_le_bytes());
    format!("{:016x}", hasher.finish())
}

/// FNV-1a, 64 bits: the standard library's hasher may change with the compiler, an identifier must not.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl std::hash::Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Returns below what a latency can't be told from nothing. Of a probe whose operations begin in several places
/// the largest.
fn floor_ns(header: &Header, probe: &str) -> Option<u64> {
    let found = header.calibration.as_ref()?;
    let probe = header.probes.iter().find(|known| known.name == probe)?;
    let entries = probe
        .sites
        .iter()
        .filter(|site| site.kind == SiteKind::Entry);
    let bias_ns = |site: &Site| match site.cost {
        SiteCost::Emulated => found.floor_emulated_ns(),
        SiteCost::Stepped => found.floor_stepped_ns(),
    };
    entries.map(bias_ns).max()
}

fn latency(named: &NamedCallSite, floor_ns: Option<u64>) -> Option<Latency> {
    let totals = &named.totals;
    if totals.completed == 0 || named.buckets.is_empty() {
        return None;
    }
    let histogram = named.buckets.to_histogram(totals.min_ns, totals.max_ns);
    let quantile = |q: f64| {
        histogram
            .value_at_quantile(q)
            .clamp(totals.min_ns, totals.max_ns.max(totals.min_ns))
    };
    Some(Latency {
        count: totals.completed,
        floor_ns,
        min_ns: totals.min_ns,
        mean_ns: totals.sum_ns as f64 / totals.completed as f64,
        p50_ns: quantile(0.5),
        p90_ns: quantile(0.9),
        p99_ns: quantile(0.99),
        p999_ns: quantile(0.999),
        max_ns: totals.max_ns,
        sum_ns: totals.sum_ns,
        histogram: histogram::encode(&histogram),
    })
}
