//! Measures rtprobe on this machine and prints a section of Markdown: `cargo xtask bench` builds what it needs and
//! runs it, once for each part.
//!
//! Everything is compared within one run and, where it can be, within one process: what is measured alternates with
//! the same thing unprobed, so that a machine that is busy with something else disturbs both.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod attach;
mod budget;
mod hit;
mod many;
mod meter;
mod scale;
mod target;
mod truth;
mod watch;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

fn main() -> ExitCode {
    // `cargo bench` passes `--bench`.
    let names: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match names.iter().try_for_each(|name| measure(name)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures one of [`rtprobe_tests::figures::parts::PARTS`] and prints what is below its heading.
fn measure(part: &str) -> Result<()> {
    match part.split_once('/').unwrap_or((part, "")) {
        ("hit", _) => hit::run(),
        ("attach", "size") => attach::sizes(),
        ("attach", "sites") => attach::sites(),
        ("budget", case) => budget::run(case),
        ("scale", case) => scale::run(case),
        ("truth", "latency") => truth::latencies(),
        ("truth", "rate") => truth::rates(),
        _ => bail!("no part `{part}`"),
    }
}
