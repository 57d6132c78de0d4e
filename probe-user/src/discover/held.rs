//! A command that is started but held before its first instruction, so that probes can be on by then.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::{self, PipeWriter, Read as _, Write as _},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command},
    thread::{self, JoinHandle},
};

use super::{
    DiscoverError, ProcFs,
    invoking_user::{self, InvokingUser},
};
use crate::sys;

/// The process exists, with its final pid and user, and waits to exec. Dropped without
/// [`release`](Self::release), it ends without having run anything of the command; it does so too when
/// this process is killed.
#[derive(Debug)]
pub struct Held {
    pid: u32,
    exe: PathBuf,
    go: PipeWriter,
    starter: JoinHandle<io::Result<Child>>,
}

impl Held {
    /// Starts a command, whose executable is `exe`, as the user who called sudo, or else as the own one.
    pub fn start(command: &[OsString], exe: &Path) -> Result<Self, DiscoverError> {
        let mut prepared = Command::new(exe);
        if let Some((name, arguments)) = command.split_first() {
            prepared.arg0(name).args(arguments);
        }
        let user = invoking_user::invoking_user();
        if let Some(InvokingUser { name, home, .. }) = &user {
            prepared.env("USER", name).env("LOGNAME", name);
            if let Some(home) = home {
                prepared.env("HOME", home);
            }
        }
        hold(prepared, user.map(|user| user.credentials), exe.to_owned())
            .map_err(|source| start_error(exe, source))
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Lets the command run and returns when it does. Fails if the exec does, or if something else than
    /// its executable runs.
    pub fn release(self) -> Result<Child, DiscoverError> {
        let Self {
            pid,
            exe,
            go,
            starter,
        } = self;
        (&go)
            .write_all(&[1])
            .map_err(|error| start_error(&exe, error))?;
        let started = starter
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the starting thread panicked")));
        let child = started.map_err(|error| start_error(&exe, error))?;
        // execvp(3) hands what the kernel cannot run to a shell.
        if is_running_another(pid, &exe) {
            end(child);
            return Err(script(&exe));
        }
        Ok(child)
    }
}

/// Returns the executable of a command, found as a shell does.
pub fn program_of(command: &[OsString]) -> Result<PathBuf, DiscoverError> {
    let program = command.first().map_or(Path::new(""), Path::new);
    let exe = resolve(program).ok_or_else(|| not_found(program))?;
    if is_elf(&exe) {
        Ok(exe)
    } else {
        Err(script(&exe))
    }
}

/// Says whether there is nothing at all or something that can't be executed.
fn not_found(program: &Path) -> DiscoverError {
    let command = program.display().to_string();
    let there = Some(program).filter(|program| is_path(program));
    let Some(metadata) = there.and_then(|path| fs::metadata(path).ok()) else {
        return DiscoverError::NoSuchCommand { command };
    };
    let what = if metadata.is_dir() {
        "is a directory".to_owned()
    } else if metadata.is_file() {
        let mode = metadata.permissions().mode() & 0o7777;
        format!("is not executable: its mode is {mode:04o}")
    } else {
        "is not a regular file".to_owned()
    };
    DiscoverError::NotExecutable { command, what }
}

/// Spawns in a thread of its own, since spawning returns only once the exec is done.
fn hold(
    mut command: Command,
    credentials: Option<invoking_user::Credentials>,
    exe: PathBuf,
) -> io::Result<Held> {
    let (mut ready, ready_child) = io::pipe()?;
    let (go_child, go) = io::pipe()?;
    sys::hold_before_exec(&mut command, ready_child, go_child, &go, credentials);
    // The command owns the child's ends: they close here once it has been spawned and dropped.
    let starter = thread::Builder::new()
        .name("start".to_owned())
        .spawn(move || command.spawn())?;
    let mut pid = [0; 4];
    match ready.read_exact(&mut pid) {
        Ok(()) => Ok(Held {
            pid: u32::from_ne_bytes(pid),
            exe,
            go,
            starter,
        }),
        // It failed before it could report: spawning says why.
        Err(error) => match starter.join() {
            Ok(Err(why)) => Err(why),
            _ => Err(error),
        },
    }
}

fn start_error(exe: &Path, source: io::Error) -> DiscoverError {
    DiscoverError::Start {
        command: exe.display().to_string(),
        source,
    }
}

fn script(exe: &Path) -> DiscoverError {
    DiscoverError::Script {
        command: exe.display().to_string(),
    }
}

/// A program that has ended already runs nothing else.
fn is_running_another(pid: u32, exe: &Path) -> bool {
    let running = fs::metadata(ProcFs::host().path(pid, "exe"));
    match (running, fs::metadata(exe)) {
        (Ok(running), Ok(exe)) => (running.dev(), running.ino()) != (exe.dev(), exe.ino()),
        _ => false,
    }
}

fn end(mut child: Child) {
    // Either fails only if it has ended by itself.
    drop(child.kill());
    drop(child.wait());
}

/// A script is run by an interpreter, which is then the program that runs.
fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *b"\x7fELF"
}

/// What is not a path is looked for.
fn is_path(program: &Path) -> bool {
    program.as_os_str().as_encoded_bytes().contains(&b'/')
}

/// Finds the file that execvp(3) would.
fn resolve(program: &Path) -> Option<PathBuf> {
    let is_executable = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if is_path(program) {
        return Some(program.to_owned()).filter(is_executable);
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join(program))
        .find(is_executable)
}
