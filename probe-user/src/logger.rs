//! Diagnostics of the library, of aya and of the kernel programs, on stderr.

use std::io::{self, Write as _};

use log::{LevelFilter, Log, Metadata, Record};
use probe_user::{cli::Verbosity, escape};

#[derive(Debug)]
struct Stderr;

/// Starts printing what a verbosity lets through.
pub(crate) fn start(verbosity: Verbosity) {
    let level = match verbosity {
        Verbosity::Quiet => LevelFilter::Off,
        Verbosity::Normal => LevelFilter::Warn,
        Verbosity::Verbose => LevelFilter::Info,
        Verbosity::Debug => LevelFilter::Debug,
    };
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(level);
    }
    if verbosity == Verbosity::Debug && !cfg!(feature = "bpf-log") {
        log::info!("this build has no diagnostics of the kernel programs: cargo xtask build --log");
    }
}

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let text = record.args().to_string();
            let level = record.level().as_str().to_ascii_lowercase();
            // Nobody is told when this fails, because that is where it would be said.
            drop(writeln!(
                io::stderr().lock(),
                "{level}: {}",
                escape::terminal(&text)
            ));
        }
    }

    fn flush(&self) {}
}
