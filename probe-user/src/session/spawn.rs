//! `-- CMD`: starts the target itself, held before its first instruction until the probes are on.

use std::{
    ffi::OsString,
    io::{self, Read as _, Write as _},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    process::{Child, Command, ExitStatus},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long the command may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(3);

/// A child that waits to execute its program.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) pid: u32,
    release: io::PipeWriter,
    spawning: JoinHandle<io::Result<Child>>,
}

/// The user on whose behalf `sudo` runs this process.
#[derive(Clone, Debug)]
struct Invoker {
    uid: libc::uid_t,
    gid: libc::gid_t,
    groups: Vec<libc::gid_t>,
}

/// Forks a child that will run `command` as the invoking user, and holds it.
pub(super) fn hold(command: &[OsString], program: &std::path::Path) -> io::Result<Held> {
    let (mut pid_reader, pid_writer) = io::pipe()?;
    let (release_reader, release) = io::pipe()?;
    let invoker = Invoker::from_sudo()?;
    let mut child = Command::new(program);
    if let Some((name, arguments)) = command.split_first() {
        child.arg0(name).args(arguments);
    }
    let wait = move || {
        (&pid_writer).write_all(&std::process::id().to_ne_bytes())?;
        if let Some(invoker) = &invoker {
            invoker.become_this()?;
        }
        let mut go = [0];
        // An end of file: the parent gave up, and the program must not run.
        (&release_reader).read_exact(&mut go)
    };
    // SAFETY: the closure only makes system calls on what was prepared before the fork.
    unsafe { child.pre_exec(wait) };
    // `spawn` returns when the program is executed, which waits for the release: so it has its own thread.
    let spawning = thread::spawn(move || child.spawn());
    let mut pid = [0; 4];
    pid_reader.read_exact(&mut pid)?;
    Ok(Held {
        pid: u32::from_ne_bytes(pid),
        release,
        spawning,
    })
}

impl Held {
    /// Lets the child execute its program, and returns when it has.
    pub(super) fn release(mut self) -> io::Result<Running> {
        self.release.write_all(&[1])?;
        let child = self
            .spawning
            .join()
            .map_err(|_| io::Error::other("the thread that starts the command panicked"))??;
        Ok(Running { child })
    }
}

/// The started command. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    /// Asks the command to end, insists after a while, and returns how it ended.
    pub(super) fn end(&mut self) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        // SAFETY: the child was not waited for, so its pid is still its own.
        unsafe { libc::kill(self.child.id() as libc::pid_t, libc::SIGTERM) };
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.child.kill()?;
        self.child.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!("failed to end the command: {error}");
        }
    }
}

/// Says how a command ended, for people.
pub(super) fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended well".to_owned(),
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

impl Invoker {
    /// Reads `SUDO_UID` and `SUDO_GID`; `None` where root is not acting for somebody.
    fn from_sudo() -> io::Result<Option<Self>> {
        let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
        // SAFETY: has no preconditions.
        let is_root = unsafe { libc::geteuid() } == 0;
        let (Some(uid), Some(gid), true) = (number("SUDO_UID"), number("SUDO_GID"), is_root) else {
            return Ok(None);
        };
        let groups = match std::env::var("SUDO_USER") {
            Ok(user) => groups_of(&user, gid)?,
            Err(_) => vec![gid],
        };
        Ok(Some(Self { uid, gid, groups }))
    }

    /// Gives up root for good; only system calls.
    fn become_this(&self) -> io::Result<()> {
        let check = |result: libc::c_int| {
            if result == 0 {
                Ok(())
            } else {
                Err(io::Error::last_os_error())
            }
        };
        // SAFETY: the list is valid for its length.
        check(unsafe { libc::setgroups(self.groups.len(), self.groups.as_ptr()) })?;
        // SAFETY: has no preconditions.
        check(unsafe { libc::setgid(self.gid) })?;
        // SAFETY: has no preconditions.
        check(unsafe { libc::setuid(self.uid) })
    }
}

fn groups_of(user: &str, gid: libc::gid_t) -> io::Result<Vec<libc::gid_t>> {
    let user = std::ffi::CString::new(user)?;
    let mut groups = vec![0; 256];
    let mut n = groups.len() as libc::c_int;
    // SAFETY: `groups` has room for `n` entries, which is what the call is told.
    let found = unsafe { libc::getgrouplist(user.as_ptr(), gid, groups.as_mut_ptr(), &raw mut n) };
    groups.truncate(if found < 0 { 0 } else { n as usize });
    if groups.is_empty() {
        groups.push(gid);
    }
    Ok(groups)
}
