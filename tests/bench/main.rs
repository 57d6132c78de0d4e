//! Measures rtprobe on this machine and prints Markdown: `cargo xtask bench` builds what it needs and runs it.
//!
//! Everything is compared within one run and, where it can be, within one process: what is measured alternates with
//! the same thing unprobed, so that a machine that is busy with something else disturbs both.
#![expect(clippy::print_stdout, reason = "the figures are its output")]

mod hit;
mod target;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

/// One part: a name and what prints its section.
struct Part {
    name: &'static str,
    run: fn() -> Result<()>,
}

const PARTS: &[Part] = &[Part {
    name: "hit",
    run: hit::run,
}];

fn main() -> ExitCode {
    // `cargo bench` passes `--bench`.
    let names: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match run(&names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(names: &[String]) -> Result<()> {
    for name in names {
        let Some(part) = PARTS.iter().find(|part| part.name == name) else {
            let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
            bail!("no part `{name}`; there are {}", known.join(", "));
        };
        (part.run)()?;
    }
    Ok(())
}
