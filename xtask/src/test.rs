//! `cargo xtask test`: every test, with one closing line.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::{build, ci, host::Host, setup, step, tally::Tally, workspace};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let filter = match args {
        [] => None,
        [filter] if !filter.starts_with('-') => Some(filter.as_str()),
        _ => bail!("usage: cargo xtask test [FILTER]"),
    };
    if setup::is_ci() && filter.is_none() {
        return ci::run(&[]);
    }
    setup::go()?;
    let mut tally = Tally::default();
    all(filter, false, &mut tally)?;
    finish(&tally)
}

/// Adds the tests that attach through the library; by itself the package builds without aya.
pub(crate) const TESTS_WITH_KERNEL: [&str; 2] = ["--features", "rtprobe-tests/kernel"];

/// Lines of a failure that are printed again: the last ones, which say why.
const FAILURE_LINES: usize = 30;

/// Prints the closing line, and before it what has to be known of failures, which are an error.
pub(crate) fn finish(tally: &Tally) -> Result<()> {
    for failure in &tally.failures {
        let (headline, printed) = failure.split_first().context("a failure without a test")?;
        let before_why = printed.len().saturating_sub(FAILURE_LINES);
        eprintln!("{headline}");
        for line in printed.iter().skip(before_why) {
            eprintln!("{line}");
        }
    }
    for reason in &tally.skips {
        eprintln!("[xtask] skipped {reason}");
    }
    println!("{tally}");
    if tally.failed > 0 {
        bail!("{} failed", tally.failed);
    }
    Ok(())
}

/// Runs all tests, or those whose name contains `filter`; with `require` a test that can't run fails.
pub(crate) fn all(filter: Option<&str>, require: bool, tally: &mut Tally) -> Result<()> {
    let binary = build::binary()?;
    // One compilation of everything: with the kernel feature, which the suite's probes need.
    let mut cargo = Host::detect()?.kernel("test");
    cargo
        .args(["--no-fail-fast", "--workspace"])
        .args(TESTS_WITH_KERNEL)
        .args(filter);
    let run = Run {
        binary: &binary,
        require,
    };
    let name = "tests of the workspace, against real Go programs";
    step::step(name, || run.cargo_test(name, &mut cargo, tally))
}

struct Run<'a> {
    binary: &'a Path,
    require: bool,
}

impl Run<'_> {
    /// Runs one `cargo test`, shows what it prints and adds its results to `tally`.
    fn cargo_test(&self, name: &str, cargo: &mut Command, tally: &mut Tally) -> Result<()> {
        let skips = skips_file()?;
        cargo
            .env("RTPROBE_BIN", self.binary)
            .env("RTPROBE_SKIPS", &skips)
            .stdout(Stdio::piped());
        if self.require {
            cargo.env("RTPROBE_REQUIRE", "1");
        }
        let mut child = cargo.spawn().context("failed to start cargo test")?;
        let stdout = child.stdout.take().context("cargo test without stdout")?;
        let failed_before = tally.failed;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            tally.add_line(&line);
        }
        let status = child.wait()?;
        tally.add_skips(&fs::read_to_string(&skips).unwrap_or_default());
        // A test binary that did not compile or died has printed no result of its own.
        if !status.success() && tally.failed == failed_before {
            eprintln!("[xtask] {name}: cargo test ended with {status}");
            tally.failed += 1;
        }
        Ok(())
    }
}

/// An empty file that tests append their skips to: libtest knows no skipping at run time.
fn skips_file() -> Result<PathBuf> {
    fs::create_dir_all(workspace::target())?;
    let path = workspace::target().join("skips.txt");
    fs::write(&path, "")?;
    Ok(path)
}
