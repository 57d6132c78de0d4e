//! The running session: takes over what the kernel counts, names it, saves it, and ends it.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    governing::{Governing, GoverningError},
    in_flight,
    progress::{self, Progress},
    sampling::Sampling,
    spawn,
    subject::Armed,
    window::{self, Ends, Watched},
};
use crate::{
    aggregate::{Profile, Snapshot},
    analyze::GoBinary,
    attach::{self, Attachment, Gates},
    discover::{Liveness, Target},
    drain::{self, DrainError},
    failure::Failure,
    observed::{CpuLimit, RuntimeSettings, State},
    output::OutputFile,
    plan::ProbePlan,
    recording::{End, Header, Recorder, Recording},
    report::EndedBy,
    state,
    symbolize::{self, Symbols},
    sys,
};

/// The first drain and each of so many after it read what takes long and seldom matters before the end: histograms, and
/// the control group.
const DRAINS_PER_LONG_ONE: u32 = 5;

/// Everything that lives while the window is open.
pub(super) struct Live<'a> {
    binary: GoBinary,
    plan: ProbePlan,
    armed: Armed,
    sampling: Sampling,
    governing: Governing,
    header: Header,
    recorder: Option<Recorder<OutputFile>>,
    progress: &'a Progress,
    profile: Profile,
    symbols: Symbols,
    /// What could be read of the target a moment ago: of one that has ended nothing can.
    latest: Option<State>,
    cpu_limit: Option<CpuLimit>,
    n_drains: u32,
    /// Until when the target was looked at, and for how long it was found stopped.
    looked: Duration,
    stopped: Duration,
    first_settings: Option<RuntimeSettings>,
    /// Hits at the last look, for the rate.
    last: (Duration, u64),
    notes: Vec<String>,
    pub(super) incomplete: Option<Failure>,
    cpu_at_start: Duration,
}

/// A session that has ended.
pub(super) struct Finished {
    pub(super) recording: Recording,
    pub(super) saved: Option<PathBuf>,
    pub(super) incomplete: Option<Failure>,
}

impl<'a> Live<'a> {
    pub(super) fn new(
        binary: GoBinary,
        plan: ProbePlan,
        armed: Armed,
        header: Header,
        recorder: Option<Recorder<OutputFile>>,
        progress: &'a Progress,
        duration: Option<Duration>,
    ) -> Self {
        let calibration = header.calibration.as_ref();
        let cpu_at_start = cpu_time(&armed.attachment);
        let share = header.budget_share;
        let target = armed.target.as_ref();
        let channels = target.and_then(|target| state::channels(target, &binary, armed.bias));
        Self {
            governing: Governing::new(share, duration, &armed, &plan, calibration, channels),
            binary,
            plan,
            armed,
            sampling: Sampling::default(),
            header,
            recorder,
            progress,
            profile: Profile::default(),
            symbols: Symbols::default(),
            latest: None,
            cpu_limit: None,
            n_drains: 0,
            looked: Duration::ZERO,
            stopped: Duration::ZERO,
            first_settings: None,
            last: (Duration::ZERO, 0),
            notes: Vec::new(),
            incomplete: None,
            cpu_at_start,
        }
    }

    /// Takes over the CPU samples, which have begun.
    pub(super) fn sample(&mut self, sampling: Sampling) {
        self.governing.pay_for_samples(sampling.hertz());
        self.sampling = sampling;
    }

    /// Waits for the window's end.
    pub(super) async fn watch(
        &mut self,
        ends: &mut Ends,
        started: Instant,
        duration: Option<Duration>,
    ) -> Result<EndedBy, Failure> {
        let failed = |error| Failure::io("failed to watch the target", &error);
        let exited = self.armed.pidfd.try_clone().map_err(failed)?;
        let told = self.armed.attachment.told().map_err(failed)?;
        window::watch(self, ends, exited, told, started, duration)
            .await
            .map_err(failed)
    }

    fn look_whether_stopped(&mut self, elapsed: Duration) {
        let passed = elapsed.saturating_sub(self.looked);
        self.looked = elapsed;
        if self.armed.target.as_ref().is_some_and(Target::is_stopped) {
            self.stopped += passed;
        }
    }

    /// Detaches, takes over the last counts and closes the recording.
    pub(super) fn finish(mut self, ended_by: EndedBy, elapsed: Duration) -> Finished {
        self.look_whether_stopped(elapsed);
        let finishing = Instant::now();
        let cpu_in_window = cpu_time(&self.armed.attachment).saturating_sub(self.cpu_at_start);
        let own_cpu = sys::own_cpu_time();
        self.progress.show("detaching");
        let Armed {
            attachment,
            target,
            bias,
            foreign_breakpoints,
            command,
            ..
        } = self.armed;
        let first_settings = self.first_settings.filter(|_| command.is_some());
        self.sampling.stop();
        let can_reopen = attachment.can_reopen();
        let quiet = attachment.quiet();
        let mut governing = self.governing;
        let detached = attachment.detach();
        let mut notes = self.notes;
        if !quiet.is_zero() {
            notes.push(format!(
                "rtprobe was stopped: nothing was counted for {:.1} s",
                quiet.as_secs_f64()
            ));
        }
        if !self.stopped.is_zero() {
            notes.push(format!(
                "the target was stopped for about {:.1} s: it did nothing meanwhile, and what there is per second is of \
                 all of the time",
                self.stopped.as_secs_f64()
            ));
        }
        if detached.was_killed {
            notes.push(
                "the process that holds the probes did not answer and was killed: what the last windows saw \
                 is not known"
                    .to_owned(),
            );
        }
        let samples = self
            .sampling
            .named(&self.binary, &self.plan, bias, target.as_ref());
        notes.extend(samples.as_ref().err().cloned());
        if let Some(target) = target.as_ref().filter(|_| is_alive(ended_by))
            && let Ok(n @ 1..) =
                attach::count_left_behind(&self.plan, target, bias, &foreign_breakpoints)
        {
            notes.push(format!(
                "{n} sites still hold a breakpoint: another tool put them there"
            ));
        }
        let mut incomplete = self.incomplete;
        governing.end(&detached, elapsed, quiet);
        let mut taking = Taking {
            binary: &self.binary,
            profile: &mut self.profile,
            symbols: &mut self.symbols,
            recorder: &mut self.recorder,
            governing: &mut governing,
            gates: &detached.gates,
            target: target.as_ref(),
        };
        let last = drain::drain(&detached.maps, &|row| taking.profile.knows_path(row));
        note(&mut incomplete, taking.take(last, elapsed));
        let flights = drain::in_flight(&detached.maps).unwrap_or_default();
        let (cut, flights): (Vec<_>, Vec<_>) = flights
            .into_iter()
            .partition(|(key, _)| governing.was_windowed(key.probe as u8));
        let stale = target.as_ref().map_or_else(Vec::new, |target| {
            in_flight::stale(&flights, &self.binary.g_layout(), target)
        });
        let state = target
            .as_ref()
            .filter(|_| is_alive(ended_by))
            .map(|target| {
                let at_ns = (elapsed + finishing.elapsed()).as_nanos() as u64;
                state::read(target, &self.binary, bias, at_ns)
            })
            .or(self.latest);
        let callers = (state.as_ref())
            .map(|state| state::callers(state, &self.binary))
            .unwrap_or_default();
        if let Some(mut command) = command {
            match command.end() {
                Ok(ended) => notes.push(format!("the command {}", spawn::describe(&ended))),
                Err(error) => notes.push(format!("how the command ended is not known: {error}")),
            }
        }
        let finish_cpu = sys::own_cpu_time().saturating_sub(own_cpu);
        let end = End {
            duration_ns: elapsed.as_nanos() as u64,
            ended_by,
            stopped_ns: self.stopped.as_nanos() as u64,
            detach_ns: Some(detached.detach_time.as_nanos() as u64),
            agent_cpu_share: Some(cpu_in_window.as_secs_f64() / elapsed.as_secs_f64().max(1e-3)),
            agent_finish_cpu_ns: Some(finish_cpu.as_nanos() as u64),
            stale,
            notes,
            state,
            callers,
            first_settings,
            cut: in_flight::by_row(cut.iter().map(|(_, flight)| flight.row)),
            attach_ns: governing.attach_ns(),
            probes: governing.ends(can_reopen),
            samples: samples.ok().flatten(),
        };
        let mut saved = None;
        if let Some(recorder) = self.recorder {
            match recorder.end(&end).and_then(OutputFile::finish) {
                Ok(path) => saved = Some(path),
                Err(error) => note(&mut incomplete, Err(Failure::io(RECORDING_FAILED, &error))),
            }
        }
        let recording = Recording {
            header: self.header,
            profile: self.profile,
            symbols: self.symbols,
            elapsed_ns: end.duration_ns,
            end: Some(end),
        };
        Finished {
            recording,
            saved,
            incomplete,
        }
    }
}

/// CPU time of this process and of the one that holds the links.
fn cpu_time(attachment: &Attachment) -> Duration {
    sys::own_cpu_time() + attachment.holder_cpu_time()
}

pub(super) const RECORDING_FAILED: &str = "failed to write the recording";

/// Keeps the first failure.
fn note(incomplete: &mut Option<Failure>, result: Result<(), Failure>) {
    if let Err(failure) = result {
        incomplete.get_or_insert(failure);
    }
}

fn is_alive(ended_by: EndedBy) -> bool {
    matches!(
        ended_by,
        EndedBy::Duration | EndedBy::Signal | EndedBy::ProbesLost
    )
}

/// What one drain goes through.
struct Taking<'a> {
    binary: &'a GoBinary,
    profile: &'a mut Profile,
    symbols: &'a mut Symbols,
    recorder: &'a mut Option<Recorder<OutputFile>>,
    governing: &'a mut Governing,
    gates: &'a Gates,
    target: Option<&'a Target>,
}

impl Taking<'_> {
    /// Names what was not known before, and saves the changes.
    fn take(
        &mut self,
        snapshot: Result<Snapshot, DrainError>,
        elapsed: Duration,
    ) -> Result<(), Failure> {
        let mut snapshot = snapshot?;
        let mut added = Symbols::default();
        for path in snapshot.paths.values_mut() {
            path.what = symbolize::what(path, self.binary);
            path.calls_others = symbolize::calls_others(path, self.binary);
            path.element_read = symbolize::element_read(path, self.binary);
            self.symbols.resolve(path, self.binary, &mut added);
        }
        self.governing.drained(&snapshot, self.gates);
        self.governing
            .complete(&mut snapshot, self.gates, self.target);
        let changes = self.profile.changes(snapshot);
        self.profile
            .merge_at(elapsed.as_nanos() as u64, changes.clone());
        let Some(recorder) = self.recorder.as_mut() else {
            return Ok(());
        };
        let result = recorder.add(elapsed.as_nanos() as u64, added, changes);
        if result.is_err() {
            // A disk that is full stays full: what was saved so far is kept, the report is made all the same.
            *self.recorder = None;
        }
        result.map_err(|error| Failure::io(RECORDING_FAILED, &error))
    }
}

impl From<GoverningError> for Failure {
    fn from(error: GoverningError) -> Self {
        match error {
            GoverningError::Attach(error) => error.into(),
            GoverningError::Drain(error) => error.into(),
        }
    }
}

impl Watched for Live<'_> {
    fn executes_the_same(&self) -> bool {
        // An end is told by the pidfd; here only a change of the program matters.
        let target = self.armed.target.as_ref();
        target.is_none_or(|target| target.is_same_process() != Liveness::Execed)
    }

    fn drain(&mut self, elapsed: Duration) {
        self.look_whether_stopped(elapsed);
        let takes_long = self.n_drains.is_multiple_of(DRAINS_PER_LONG_ONE);
        self.n_drains = self.n_drains.wrapping_add(1);
        let knows_path = |row| self.profile.knows_path(row);
        let maps = self.armed.attachment.maps();
        let snapshot = if takes_long {
            drain::drain(maps, &knows_path)
        } else {
            drain::counts(maps, &knows_path)
        };
        let mut taking = Taking {
            binary: &self.binary,
            profile: &mut self.profile,
            symbols: &mut self.symbols,
            recorder: &mut self.recorder,
            governing: &mut self.governing,
            gates: self.armed.attachment.gates(),
            target: self.armed.target.as_ref(),
        };
        let result = taking.take(snapshot, elapsed);
        if let Err(failure) = &result {
            self.progress.phase(&failure.to_string());
        }
        note(&mut self.incomplete, result);
        if let Some(target) = &self.armed.target {
            let at_ns = elapsed.as_nanos() as u64;
            if takes_long {
                self.cpu_limit = state::cpu_limit(target);
            }
            let state = State {
                cpu_limit: self.cpu_limit,
                ..state::glance(target, &self.binary, self.armed.bias, at_ns)
            };
            self.latest = Some(state).filter(|state| state.gomaxprocs.is_some());
            self.first_settings =
                (self.first_settings).or_else(|| self.latest.as_ref().map(|state| state.settings));
        }
    }

    fn govern(&mut self) -> Option<Duration> {
        let Armed {
            attachment, target, ..
        } = &mut self.armed;
        match self.governing.step(attachment, target.as_ref()) {
            Ok(due) => Some(due),
            Err(error) => {
                let failure = Failure::from(error);
                self.progress.phase(&failure.to_string());
                note(&mut self.incomplete, Err(failure));
                None
            }
        }
    }

    fn show(&mut self, elapsed: Duration) {
        self.armed.attachment.flush_diagnostics();
        let hits = self.profile.hits();
        let since = elapsed.saturating_sub(self.last.0);
        if since < Duration::from_secs(1) {
            return;
        }
        let rate = hits.saturating_sub(self.last.1) as f64 / since.as_secs_f64();
        self.last = (elapsed, hits);
        self.progress.show(&format!(
            "{}  {} operations, {}/s, {} call paths",
            progress::seconds(elapsed),
            progress::count(hits),
            progress::count(rate as u64),
            self.profile.rows.len(),
        ));
    }
}
