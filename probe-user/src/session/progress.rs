//! What happens, on stderr: a line per phase, and live figures on a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::escape;

/// Writes progress. Failing to write it is not worth ending a run for.
#[derive(Debug)]
pub(super) struct Progress {
    phases: bool,
    live: bool,
}

impl Progress {
    /// `quiet`: nothing at all; without `live`, no line that changes.
    pub(super) fn new(quiet: bool, live: bool) -> Self {
        Self {
            phases: !quiet,
            live: live && !quiet && io::stderr().is_terminal(),
        }
    }

    /// Says what begins. `text` may hold names from the target.
    pub(super) fn phase(&self, text: &str) {
        if self.phases {
            self.write(&format!("{}{}\n", self.clear(), escape::terminal(text)));
        }
    }

    /// Shows figures in place of the ones before.
    pub(super) fn show(&self, text: &str) {
        if self.live {
            self.write(&format!("{}{}", self.clear(), escape::terminal(text)));
        }
    }

    /// Takes the live line away.
    pub(super) fn done(&self) {
        if self.live {
            self.write(self.clear());
        }
    }

    fn clear(&self) -> &'static str {
        if self.live { "\r\x1b[K" } else { "" }
    }

    #[expect(
        clippy::unused_self,
        reason = "one place writes, and it belongs to the progress"
    )]
    fn write(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        if stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush())
            .is_err()
        {
            // Nobody is there to read it, and nobody to tell.
        }
    }
}

/// Returns a duration the way progress shows it: whole seconds, or what is less than one.
pub(super) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        seconds => format!("{seconds} s"),
    }
}

/// Returns a count with a thousands unit.
pub(super) fn count(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..10_000_000 => format!("{:.1} k", n as f64 / 1e3),
        _ => format!("{:.1} M", n as f64 / 1e6),
    }
}
