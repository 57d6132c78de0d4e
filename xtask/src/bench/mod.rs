//! `cargo xtask bench`: rtprobe measured on this machine, and the document of what came of it.

mod document;
mod machine;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use document::Document;
use rtprobe_tests::figures::parts::{self, Part};

use crate::{build, host::Host, setup, step, test, workspace};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let (options, names): (Vec<_>, Vec<_>) =
        args.iter().cloned().partition(|arg| arg.starts_with('-'));
    ensure!(
        options.iter().all(|option| option == "--write"),
        "usage: cargo xtask bench [--write] [PART|PART/CASE…]"
    );
    let chosen = parts::chosen(&names)?;
    setup::go()?;
    let rtprobe = build::binary()?;
    let machine = machine::describe(&rtprobe)?;
    let path = workspace::root().join("docs/performance.md");
    for part in chosen {
        let figures = step::step(part.name, || measure(part, &rtprobe))?;
        println!("## {}\n\n{machine}\n\n{figures}\n", part.title);
        if !options.is_empty() {
            write(&path, part, &machine, &figures)?;
        }
    }
    Ok(())
}

/// Runs one part, and returns what it printed.
fn measure(part: Part, rtprobe: &Path) -> Result<String> {
    let mut bench: Command = Host::detect()?.kernel("bench");
    bench
        .args(["--quiet", "--package", "rtprobe-tests", "--bench", "bench"])
        .args(test::TESTS_WITH_KERNEL)
        .args(["--", part.name])
        .env("RTPROBE_BIN", rtprobe)
        .stderr(std::process::Stdio::inherit());
    let output = bench.output().context("failed to start cargo bench")?;
    let said = String::from_utf8(output.stdout)?;
    ensure!(
        output.status.success(),
        "the benchmark ended with {}: {said}",
        output.status
    );
    Ok(said.trim().to_owned())
}

/// Replaces one section of the document.
fn write(path: &Path, part: Part, machine: &str, figures: &str) -> Result<()> {
    let mut document = Document::read(&fs::read_to_string(path).unwrap_or_default());
    document.put(part, &format!("{machine}\n\n{figures}"));
    fs::write(path, document.to_string())
        .with_context(|| format!("failed to write {}", path.display()))
}
