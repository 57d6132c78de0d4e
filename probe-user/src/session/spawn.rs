//! `-- CMD`: the target that rtprobe started itself, and how it ends.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::{Child, ExitStatus},
    time::Duration,
};

use crate::sys;

/// How long the command may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(3);

/// How a command ended, and whether it was made to.
#[derive(Debug)]
pub(super) struct Ended {
    status: ExitStatus,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Itself,
    Sigterm,
    Sigkill,
}

/// The started command. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
}

impl Running {
    pub(super) fn new(child: Child) -> Self {
        Self { child }
    }

    /// Asks the command to end, insists after a while, and returns how it ended.
    pub(super) fn end(&mut self) -> io::Result<Ended> {
        let ended = |status, by| Ok(Ended { status, by });
        if let Some(status) = self.child.try_wait()? {
            return ended(status, By::Itself);
        }
        sys::terminate(&mut self.child)?;
        let (status, is_killed) = sys::wait_or_kill(&mut self.child, PATIENCE)?;
        let by = if is_killed { By::Sigkill } else { By::Sigterm };
        ended(status, by)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            log::warn!("failed to end the command: {error}");
        }
    }
}

/// Says how a command ended and who ended it, for people.
pub(super) fn describe(ended: &Ended) -> String {
    let why = match ended.by {
        By::Itself => String::new(),
        By::Sigterm => ": rtprobe sent it SIGTERM when the watch was over".to_owned(),
        By::Sigkill => format!(
            ": rtprobe sent it SIGTERM when the watch was over, and SIGKILL {} s later",
            PATIENCE.as_secs()
        ),
    };
    format!("{}{why}", how(ended.status))
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "ended well".to_owned(),
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_note_tells_who_ended_the_command() {
        let said = |program: &str, arguments: &[&str], wait: bool| {
            let mut child = Command::new(program).args(arguments).spawn().unwrap();
            if wait {
                child.wait().unwrap();
            }
            describe(&Running::new(child).end().unwrap())
        };
        assert_eq!(said("true", &[], true), "ended well");
        assert_eq!(said("false", &[], true), "ended with exit code 1");
        assert_eq!(
            said("sleep", &["60"], false),
            "was ended by signal 15: rtprobe sent it SIGTERM when the watch was over"
        );
    }
}
