//! What is known before the first hit, as data for the recording and in words for people.

use std::{path::Path, time::Duration};

use jiff::Timestamp;
use probe_ebpf::abi::lost;

use super::{
    budget_share, look,
    subject::{Armed, Subject},
    window,
};
use crate::{
    analyze::GoBinary,
    attach::BPF_HASH,
    calibrate::CalibrateError,
    cli::RecordConfig,
    diagnose,
    discover::Target,
    estimate,
    forecast::Forecast,
    govern::Costs,
    observed::Calibration,
    plan::{Outcome, PlannedProbe, PlannedSite, ProbeName, ProbePlan, SiteRole},
    recording::{FORMAT, Header},
    render,
    report::{Host, Prediction, Probe, ProbeState, Site, SiteKind, TargetInfo, Tool},
    sys,
};

/// One line: what is looked at, and with what.
pub(super) fn subject(subject: &Subject, binary: &GoBinary, plan: &ProbePlan) -> String {
    let planned = plan
        .probes
        .iter()
        .filter(|probe| !probe.sites().is_empty())
        .count();
    format!(
        "{} (pid {}), {}: {planned} of {} probes, {} sites",
        subject.program().display(),
        subject.pid(),
        binary.build_info().go_version,
        plan.probes.len(),
        plan.sites().count(),
    )
}

/// One line: the probes are on, and for how long.
pub(super) fn attached(armed: &Armed, header: &Header, config: &RecordConfig) -> String {
    if armed.attachment.is_unattended() {
        return format!(
            "probes are attached as the limit of {} % allows; watching {} (Ctrl-C ends it and reports)",
            estimate::as_typed(header.budget_share.unwrap_or(0.0)),
            for_how_long(config),
        );
    }
    let on = header
        .probes
        .iter()
        .filter(|probe| probe.state == ProbeState::Attached)
        .count();
    format!(
        "attached {on} probes in {:.0} ms; watching {} (Ctrl-C ends it and reports)",
        armed.attachment.attach_time.as_secs_f64() * 1e3,
        for_how_long(config),
    )
}

fn for_how_long(config: &RecordConfig) -> String {
    match config.duration {
        Some(_) => format!("for {}", window(config.duration)),
        None => window(config.duration),
    }
}

/// One line: what a hit costs here.
pub(super) fn calibrated(found: &Result<Calibration, CalibrateError>) -> String {
    match found {
        Ok(found) => format!(
            "a hit costs the target {:.2} µs, {:.2} µs with cold caches, {:.1} µs where it is single-stepped \
             (measured in {:.0} ms); latencies are told from {:.2} µs on",
            found.emulated_ns / 1e3,
            (found.emulated_ns + found.cold_event_ns) / 1e3,
            found.stepped_ns / 1e3,
            found.took().as_secs_f64() * 1e3,
            found.floor_emulated_ns() as f64 / 1e3,
        ),
        Err(error) => {
            let chain: Vec<String> =
                std::iter::successors(Some(error as &dyn std::error::Error), |error| {
                    error.source()
                })
                .map(ToString::to_string)
                .collect();
            format!("what a hit costs is not known: {}", chain.join(": "))
        }
    }
}

/// The header of the recording.
pub(super) fn header(
    armed: &Armed,
    binary: &GoBinary,
    plan: &ProbePlan,
    config: &RecordConfig,
    calibration: Option<Calibration>,
    forecast: &Forecast,
) -> Header {
    let mut target = target(armed.target.as_ref(), Some(&armed.program), binary);
    target.pid = armed.pid;
    target.gomaxprocs = armed.state.as_ref().and_then(|state| state.gomaxprocs);
    let linked = linked(binary);
    Header {
        format: FORMAT,
        tool: Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            bpf_hash: BPF_HASH.trim().to_owned(),
        },
        host: Host {
            kernel: sys::kernel_release(),
            cpus: sys::online_cpus(),
            emulated_hit_ns: calibration.map(|found| found.emulated_ns),
            stepped_hit_ns: calibration.map(|found| found.stepped_ns),
            attach: armed.attachment.mode.name().to_owned(),
        },
        target,
        start: Timestamp::now().to_string(),
        budget_share: budget_share(&config.max_overhead),
        attach_ns: Some(armed.attachment.attach_time.as_nanos() as u64).filter(|ns| *ns > 0),
        agent_setup_cpu_ns: Some(setup_cpu(armed).as_nanos() as u64),
        stack_depth: config.stack_depth,
        probes: plan
            .probes
            .iter()
            .zip(look::by_probe(plan, forecast))
            .map(|(planned, predicted)| probe(planned, armed, predicted))
            .collect(),
        predicted_low_share: forecast.low_share,
        predicted_high_share: forecast.high_share,
        cannot_see: cannot_see(binary, plan, calibration, &linked),
        state: armed.state.clone(),
        rules: diagnose::catalogue::wanted(&config.only, &config.skip),
        default_godebug: binary
            .build_info()
            .setting("DefaultGODEBUG")
            .map(str::to_owned),
        linked: Some(linked),
        calibration,
    }
}

/// Those of the functions that are asked for by name which the program contains.
fn linked(binary: &GoBinary) -> Vec<String> {
    let mut names = diagnose::catalogue::FUNCTIONS.to_vec();
    names.push(OPENS_PLUGINS);
    let mut found: Vec<String> = (binary.find_functions(&names)).into_keys().collect();
    found.sort();
    found
}

/// CPU time of this process, of the one that holds the links, and of the one that hits were measured on.
fn setup_cpu(armed: &Armed) -> Duration {
    let children = armed.attachment.holder_cpu_time() + sys::ended_children_cpu_time();
    sys::own_cpu_time() + children
}

/// What is known of the target.
pub(super) fn target(
    target: Option<&Target>,
    program: Option<&Path>,
    binary: &GoBinary,
) -> TargetInfo {
    let exe = target
        .map(|target| target.exe.as_path())
        .or(program)
        .unwrap_or_else(|| Path::new(""));
    let file_name = || {
        exe.file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    let build_info = binary.build_info();
    TargetInfo {
        pid: target.map_or(0, |target| target.pid),
        comm: target.map_or_else(file_name, |target| target.comm.clone()),
        exe: exe.to_string_lossy().into_owned(),
        go_version: build_info.go_version.clone(),
        module: build_info.module.clone(),
        build_id: binary.build_id().map(str::to_owned),
        gomaxprocs: None,
        container_id: target.and_then(|target| target.container_id.clone()),
        binary: binary.kind(),
    }
}

fn probe(planned: &PlannedProbe, armed: &Armed, predicted: Option<&Prediction>) -> Probe {
    let refused = armed
        .attachment
        .refused
        .iter()
        .find(|(name, _)| *name == planned.name);
    let (state, reason) = match (&planned.outcome, refused) {
        (Outcome::Skipped(reason), _) => (ProbeState::Skipped, Some(reason.to_string())),
        (Outcome::Planned(_), Some((_, reason))) => (ProbeState::Refused, Some(reason.clone())),
        (Outcome::Planned(_), None) => (ProbeState::Attached, None),
    };
    Probe {
        name: planned.name.as_str().to_owned(),
        observed_share: if state == ProbeState::Attached {
            1.0
        } else {
            0.0
        },
        state,
        reason,
        functions: planned.functions.clone(),
        sites: planned.sites().iter().map(site).collect(),
        hits: 0,
        completed: 0,
        open: 0,
        lost: lost::NAMES
            .iter()
            .map(|&name| (name.to_owned(), 0))
            .collect(),
        count: 0,
        cost_share: None,
        predicted: predicted.cloned(),
    }
}

/// A logical probe as the answer of `rtprobe plan` has it.
pub(super) fn planned(
    probe: &PlannedProbe,
    predicted: Option<&Prediction>,
) -> render::PlannedProbe {
    let (state, reason) = match &probe.outcome {
        Outcome::Planned(_) => ("planned", None),
        Outcome::Skipped(reason) => ("skipped", Some(reason.to_string())),
    };
    render::PlannedProbe {
        name: probe.name.as_str().to_owned(),
        state,
        reason,
        functions: probe.functions.clone(),
        sites: probe.sites().iter().map(site).collect(),
        predicted: predicted.cloned(),
    }
}

/// This host's prices as the answer of `rtprobe plan` has them.
pub(super) fn prices(found: Result<&Calibration, &str>) -> render::Prices {
    let costs = Costs::new(found.ok());
    render::Prices {
        emulated_hit_ns: costs.emulated_ns,
        stepped_hit_ns: costs.stepped_ns,
        counting_ns: costs.operation_ns,
        assumed_because: found.err().map(str::to_owned),
    }
}

/// A planned site as the report has it. A panic is an exit too.
pub(super) fn site(planned: &PlannedSite) -> Site {
    Site {
        function: planned.function.clone(),
        kind: match planned.role {
            SiteRole::Begin | SiteRole::Event => SiteKind::Entry,
            SiteRole::End | SiteRole::Panic => SiteKind::Exit,
        },
        file_offset: planned.file_offset.0,
        instruction: planned.instruction.clone(),
        cost: planned.cost,
    }
}

/// Only programs that load plugins contain it (src/plugin/plugin_dlopen.go).
const OPENS_PLUGINS: &str = "plugin.open";

/// The limits of what was watched, in sentences.
fn cannot_see(
    binary: &GoBinary,
    plan: &ProbePlan,
    calibration: Option<Calibration>,
    linked: &[String],
) -> Vec<String> {
    let mut limits: Vec<String> = binary.degraded().to_vec();
    let watches = |name: ProbeName| {
        plan.probes
            .iter()
            .any(|probe| probe.name == name && !probe.sites().is_empty())
    };
    if watches(ProbeName::ChanSend) {
        limits.push(
            "sends in a select with several cases: they do not pass runtime.chansend".to_owned(),
        );
    }
    if watches(ProbeName::Alloc) {
        limits.push("values that stay on the stack: they are not allocated".to_owned());
    }
    if linked.iter().any(|name| name == OPENS_PLUGINS) {
        limits.push(
            "the code of plugins: it has a runtime's functions of its own, and only the program's are watched"
                .to_owned(),
        );
    }
    if calibration.is_none() {
        limits.push(
            "what a hit costs could not be measured: the probes' own time is part of the latencies, \
             about 1 µs per operation"
                .to_owned(),
        );
    }
    limits
}
