//! The front door: `cargo xtask COMMAND`.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "talking to a person is its work"
)]

mod bench;
mod bpf;
mod build;
mod ci;
mod demo;
mod doc_examples;
mod exercises;
mod go_targets;
mod host;
mod setup;
mod source_hash;
mod step;
mod tally;
mod test;
mod workspace;

use std::{env, process::ExitCode};

use anyhow::Result;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        about: "watch the bundled Go service for 10 s and print the report",
        run: demo::run,
    },
    Command {
        name: "test",
        about: "[FILTER]  all tests, or those whose name contains FILTER",
        run: test::run,
    },
    Command {
        name: "build",
        about: "[--log]  release binary at target/dist/rtprobe; with the kernel programs' diagnostics",
        run: build::run,
    },
    Command {
        name: "setup",
        about: "install what building and testing need",
        run: setup::run,
    },
    Command {
        name: "bpf",
        about: "[--log]  rebuild the committed BPF object, or the variant with diagnostics",
        run: bpf::run,
    },
    Command {
        name: "go-targets",
        about: "[--go V,…] [--kind K,…] [NAME…]  build the Go programs of the tests",
        run: go_targets::run,
    },
    Command {
        name: "exercises",
        about: "[--go V,…] [--build K,…] [--write] [RULE…]  judge what rtprobe says about each exercise",
        run: exercises::run,
    },
    Command {
        name: "bench",
        about: "[--write] [PART…]  measure rtprobe on this machine, for docs/performance.md",
        run: bench::run,
    },
    Command {
        name: "ci",
        about: "setup, format, lints, fresh BPF object, all tests, documents' examples",
        run: ci::run,
    },
];

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some((name, rest)) = args.split_first() else {
        usage();
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        usage();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("error: no such command: {name}");
        usage();
        return ExitCode::from(2);
    };
    match (command.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() {
    eprintln!("usage: cargo xtask COMMAND [ARGS…]\n");
    for command in COMMANDS {
        eprintln!("  {:<11} {}", command.name, command.about);
    }
}
