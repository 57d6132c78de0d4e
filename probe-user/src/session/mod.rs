//! The pipeline as one readable programme: the only module that knows all stages.

mod channels;
mod describe;
mod dump;
mod governing;
mod in_flight;
mod live;
mod look;
mod plan;
mod progress;
mod sampling;
mod spawn;
mod subject;
mod window;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use live::{Live, RECORDING_FAILED};
use progress::Progress;
use sampling::Sampling;
use subject::Subject;

use crate::{
    attach::{self, LoadRequest, Roles},
    calibrate::Bench,
    cli::{Budget, RecordConfig, Save, Verbosity},
    discover,
    failure::{Exit, Failure},
    govern::Costs,
    output::{self, OutputFile},
    plan::PlanRequest,
    recording::{Header, Recorder},
    report::Report,
    summary::summarize,
    sys,
};

pub use dump::dump;
pub use plan::plan;
pub use window::Ends;

/// What a run leaves.
#[derive(Debug)]
pub struct Recorded {
    pub report: Report,
    /// The recording, where one was saved.
    pub saved: Option<PathBuf>,
    /// What could not be written although it was asked for.
    pub incomplete: Option<Failure>,
}

/// Records a target: discover, analyze, plan, attach, drain until the window ends, detach, summarize. What `ends` has
/// heard by then ends the window as soon as it opens.
pub async fn record(config: &RecordConfig, mut ends: Ends) -> Result<Recorded, Failure> {
    let progress = Progress::new(config.verbosity == Verbosity::Quiet, config.progress);
    let subject = Subject::find(&config.selector)?;
    let binary = subject.analyze()?;
    let glance = subject.glance(&binary);
    let plan = crate::plan::plan(&binary, &request(config));
    progress.phase(&describe::subject(&subject, &binary, &plan));
    subject
        .warnings()
        .iter()
        .for_each(|warning| progress.phase(warning));

    let explicit = match &config.save {
        Save::To(path) => Some(open_recording(path)?),
        Save::Default | Save::No => None,
    };
    let mode = kernel_mode()?;
    let bench = Bench::start();
    let own = bench.as_ref().map(Bench::own_sites).unwrap_or_default();
    let mut loaded = attach::load(&LoadRequest {
        plan: &plan,
        user_text: &binary.user_text()?,
        roles: Roles::of(&binary),
        tgid: subject.pid(),
        bias: subject.load_bias(&binary),
        pid_namespace: discover::own_pid_namespace(),
        mode,
        own,
    })?;
    let measured = bench.and_then(|bench| bench.measure(&mut loaded, &plan));
    progress.phase(&describe::calibrated(&measured));
    let calibration = measured.ok();
    let costs = Costs::new(calibration.as_ref());
    let sampling = Sampling::begin(&mut loaded, config, &costs);
    let limited = budget_share(&config.max_overhead).is_some();
    let armed = subject.arm(loaded, &plan, &binary, limited)?;
    let started = Instant::now();

    let looked = glance
        .zip(armed.state.clone())
        .map(|(glance, state)| glance.until(state));
    let forecast = look::forecast(
        &plan,
        calibration.as_ref(),
        looked.as_ref(),
        budget_share(&config.max_overhead),
        armed.attachment.can_reopen(),
    );
    let header = describe::header(&armed, &binary, &plan, config, calibration, &forecast);
    progress.phase(&describe::attached(&armed, &header, config));
    let mut incomplete = None;
    let recorder = match (&config.save, explicit) {
        (Save::Default, _) => default_recording(&header)
            .inspect_err(|unsaved| progress.phase(unsaved))
            .ok(),
        (_, Some(out)) => Recorder::begin(out, &header)
            .map_err(|error| incomplete = Some(Failure::io(RECORDING_FAILED, &error)))
            .ok(),
        (_, None) => None,
    };
    let duration = config.duration;
    let mut live = Live::new(binary, plan, armed, header, recorder, &progress, duration);
    live.sample(sampling);
    live.incomplete = incomplete;
    let ended_by = live.watch(&mut ends, started, duration).await?;
    let ended = live.finish(ended_by, started.elapsed());
    progress.done();
    Ok(Recorded {
        report: summarize(&ended.recording),
        saved: ended.saved,
        incomplete: ended.incomplete,
    })
}

/// Asks the kernel how it attaches; one that loads no program at all is one without the feature.
fn kernel_mode() -> Result<attach::Mode, Failure> {
    attach::Mode::of_this_kernel().map_err(|error| {
        Failure::new(
            Exit::NoPrivilege,
            format!("the kernel loads no BPF program: {error}"),
        )
        .found(format!("Linux {}", sys::kernel_release()))
        .try_("rtprobe doctor")
    })
}

fn request(config: &RecordConfig) -> PlanRequest {
    PlanRequest {
        only: config.only.clone(),
        skip: config.skip.clone(),
    }
}

fn open_recording(path: &Path) -> Result<OutputFile, Failure> {
    OutputFile::stream(path).map_err(|e| output::refusal(path, "the recording", "--save", &e))
}

/// Begins the recording that was not asked for by name; a place that can't be written to is no reason to fail, but
/// one to say so.
fn default_recording(header: &Header) -> Result<Recorder<OutputFile>, String> {
    let name =
        output::default_recording_name(&header.target.comm, header.target.pid, &header.start);
    let begun = OutputFile::stream(&name).and_then(|out| Recorder::begin(out, header));
    begun.map_err(|error| {
        format!(
            "the recording is not saved: {} can't be written here ({error}); choose a place with \
             --save FILE",
            name.display()
        )
    })
}

/// The budget as a share, `None` where there is no limit.
fn budget_share(budget: &Budget) -> Option<f64> {
    match budget {
        Budget::Share(share) => Some(*share),
        Budget::None => None,
    }
}

/// How long a window is, for people.
fn window(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "until Ctrl-C".to_owned(), progress::seconds)
}
