//! What is recorded: a process that runs, or a command that is about to.

use std::{
    ffi::OsString,
    fs::File,
    io,
    num::NonZeroU32,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use super::{look::Glance, spawn::Running};
use crate::{
    address::{LoadBias, ProcAddr},
    analyze::{self, AnalyzeError, GoBinary},
    attach::{self, AttachError, Attachment, Loaded, Scheduler},
    cli::Selector,
    discover::{self, DiscoverError, Held, Target},
    doctor,
    failure::{Exit, Failure},
    govern::Room,
    inspect,
    observed::State,
    plan::ProbePlan,
    state, sys,
};

/// What there is room for at each probe of a command that has just started, until the governor has looked at it.
const FIRST_ROOM: Room = Room::of_operations(2_000);

/// A process or a held command.
#[derive(Debug)]
pub(super) enum Subject {
    Process(Target),
    Command {
        program: PathBuf,
        exe: File,
        held: Held,
    },
}

/// A subject with the probes on.
#[derive(Debug)]
pub(super) struct Armed {
    pub(super) pid: u32,
    pub(super) pidfd: OwnedFd,
    /// `None` where the command ended before it could be looked at.
    pub(super) target: Option<Target>,
    /// The file that was analyzed, as shown to people.
    pub(super) program: PathBuf,
    pub(super) command: Option<Running>,
    pub(super) bias: LoadBias,
    pub(super) attachment: Attachment,
    /// Read before the first probe was on; of a command, which had not begun, there is none.
    pub(super) state: Option<State>,
    /// Of a command, which had not begun, nothing is known.
    pub(super) scheduler: Scheduler,
    /// Sites that another tool had armed before.
    pub(super) foreign_breakpoints: Vec<ProcAddr>,
}

impl Subject {
    /// Finds the process, or holds the command.
    pub(super) fn find(selector: &Selector) -> Result<Self, Failure> {
        match selector {
            Selector::Pid(pid) => {
                let target = discover::discover(*pid);
                // What keeps every process from being watched is told before what keeps this one, but not
                // before its absence.
                if matches!(target, Ok(_) | Err(DiscoverError::Denied { .. })) {
                    doctor::require_host()?;
                }
                Ok(Self::Process(target?))
            }
            Selector::Command(command) => {
                doctor::require_host()?;
                Self::hold(command)
            }
        }
    }

    fn hold(command: &[OsString]) -> Result<Self, Failure> {
        let program = discover::program_of(command)?;
        let exe = analyze::open_regular(&program)
            .map_err(|e| Failure::io(&format!("failed to open {}", program.display()), &e))?;
        // What can't be analyzed must not be started.
        open_supported(clone_of(&exe)?, &program, None)?;
        let held = Held::start(command, &program)?;
        Ok(Self::Command { program, exe, held })
    }

    pub(super) fn pid(&self) -> u32 {
        match self {
            Self::Process(target) => target.pid,
            Self::Command { held, .. } => held.pid(),
        }
    }

    /// Returns the executable, opened.
    pub(super) fn exe(&self) -> Result<File, Failure> {
        match self {
            Self::Process(target) => clone_of(&target.exe_file),
            Self::Command { exe, .. } => clone_of(exe),
        }
    }

    /// Reads the executable as a Go program.
    pub(super) fn analyze(&self) -> Result<GoBinary, Failure> {
        let target = match self {
            Self::Process(target) => Some(target),
            Self::Command { .. } => None,
        };
        open_supported(self.exe()?, self.program(), target)
    }

    /// Returns where the executable is in memory; of a command that has not begun nobody knows.
    pub(super) fn load_bias(&self, binary: &GoBinary) -> Option<LoadBias> {
        match self {
            Self::Process(target) => target.load_bias(&segments(binary)).ok(),
            Self::Command { .. } => None,
        }
    }

    /// Begins a look at a process; there is nothing to see yet of a command.
    pub(super) fn glance(&self, binary: &GoBinary) -> Option<Glance> {
        match self {
            Self::Process(target) => Some(Glance::at(target, binary, self.load_bias(binary)?)),
            Self::Command { .. } => None,
        }
    }

    pub(super) fn program(&self) -> &Path {
        match self {
            Self::Process(target) => &target.exe,
            Self::Command { program, .. } => program,
        }
    }

    /// What the user should know before it begins.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if let Self::Process(target) = self {
            if target.stopped {
                warnings.push(format!(
                    "pid {} is stopped: there will be no events until it goes on (kill -CONT {})",
                    target.pid, target.pid
                ));
            }
            if let Some(other) = discover::advisory_lock(target) {
                warnings.push(format!(
                    "another rtprobe (pid {other}) watches this process: the cost to it adds up"
                ));
            }
        }
        warnings
    }

    /// Attaches the probes; a held command is then let go. With a limit a process is left as it is for now,
    /// and a command begins with probes that go quiet soon.
    pub(super) fn arm(
        self,
        loaded: Loaded,
        plan: &ProbePlan,
        binary: &GoBinary,
        limited: bool,
    ) -> Result<Armed, Failure> {
        let exe = self.exe()?;
        let pid = NonZeroU32::new(self.pid()).ok_or_else(no_process)?;
        let segments = segments(binary);
        match self {
            Self::Process(target) => {
                let bias = target.load_bias(&segments)?;
                let foreign_breakpoints = check(attach::check_text(plan, &target, bias))?;
                let state = state::read(&target, binary, bias, 0);
                let scheduler = Scheduler::new(
                    target.pid,
                    &state::processors(&target, binary, bias),
                    state::goidgen(binary, bias),
                );
                let mut attachment = loaded.hold(plan, &exe, pid, scheduler.clone())?;
                if !limited {
                    attachment.open_all(plan, Room::UNLIMITED)?;
                    check(attachment.check_armed(plan, &target, bias))?;
                }
                Ok(Armed {
                    pid: pid.get(),
                    pidfd: clone_fd(target.pidfd())?,
                    program: target.exe.clone(),
                    target: Some(target),
                    command: None,
                    bias,
                    state: Some(state),
                    scheduler,
                    attachment,
                    foreign_breakpoints,
                })
            }
            Self::Command { program, held, .. } => {
                let pidfd = sys::pidfd_open(pid.get())
                    .map_err(|e| Failure::io("failed to open the command's process", &e))?;
                let mut attachment = loaded.hold(plan, &exe, pid, Scheduler::default())?;
                attachment.open_all(plan, if limited { FIRST_ROOM } else { Room::UNLIMITED })?;
                let command = Running::new(held.release()?);
                // A short command may be over by now: what the probes saw of it is all there is.
                let target = discover::discover(pid.get()).ok();
                let bias = target
                    .as_ref()
                    .and_then(|target| target.load_bias(&segments).ok());
                if let (Some(target), Some(bias)) = (&target, bias) {
                    check(attachment.check_armed(plan, target, bias)).or_else(unless_ended)?;
                }
                Ok(Armed {
                    pid: pid.get(),
                    pidfd,
                    target,
                    program,
                    command: Some(command),
                    bias: bias.unwrap_or(LoadBias(0)),
                    state: Some(state::of_new_process()),
                    scheduler: Scheduler::default(),
                    attachment,
                    foreign_breakpoints: Vec::new(),
                })
            }
        }
    }
}

/// Returns the executable parts of a file, as the load bias is told from them.
pub(super) fn segments(binary: &GoBinary) -> Vec<(u64, u64, u64)> {
    binary
        .exec_segments()
        .iter()
        .map(|segment| (segment.file_offset.0, segment.vaddr.0, segment.len))
        .collect()
}

/// Reads an executable of a Go release that can be probed.
pub(super) fn open_supported(
    exe: File,
    program: &Path,
    target: Option<&Target>,
) -> Result<GoBinary, Failure> {
    let binary = open_binary(exe, program, target)?;
    analyze::require_supported(&binary.build_info().go_version)
        .map_err(|error| of_program(error, program, target))?;
    Ok(binary)
}

/// Reads an executable; one that is no Go program may be a wrapper around one.
fn open_binary(exe: File, program: &Path, target: Option<&Target>) -> Result<GoBinary, Failure> {
    GoBinary::open(Box::new(exe)).map_err(|error| {
        if let (AnalyzeError::NotGo { .. }, Some(target)) = (&error, target) {
            return target.not_go(error.found(), &inspect::go_program).into();
        }
        of_program(error, program, target)
    })
}

/// Names the executable that an error is of.
fn of_program(error: AnalyzeError, program: &Path, target: Option<&Target>) -> Failure {
    let program = target.map_or(program, |target| &target.exe);
    let mut failure = Failure::from(error);
    failure.error = format!("{}: {}", program.display(), failure.error);
    failure
}

/// Memory that can't be read any more is the memory of a process that has ended.
fn check<T>(result: Result<T, AttachError>) -> Result<T, Failure> {
    result.map_err(|error| match &error {
        AttachError::Memory { source, .. } if is_gone(source) => no_process(),
        _ => error.into(),
    })
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT))
}

fn unless_ended(failure: Failure) -> Result<(), Failure> {
    if failure.code == Exit::NoProcess {
        Ok(())
    } else {
        Err(failure)
    }
}

fn no_process() -> Failure {
    Failure::new(
        Exit::NoProcess,
        "the target ended before the first probe was on".to_owned(),
    )
    .try_("rtprobe ps")
}

fn clone_of(file: &File) -> Result<File, Failure> {
    file.try_clone()
        .map_err(|e| Failure::io("failed to duplicate a descriptor", &e))
}

fn clone_fd(fd: &OwnedFd) -> Result<OwnedFd, Failure> {
    fd.try_clone()
        .map_err(|e| Failure::io("failed to duplicate a descriptor", &e))
}
