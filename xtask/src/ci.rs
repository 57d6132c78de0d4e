//! `cargo xtask ci`: everything that has to hold before a change is taken, skips forbidden.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    bpf, doc_examples,
    host::{self, Host},
    setup, step,
    tally::Tally,
    test,
};

pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask ci");
    }
    setup::run(&[])?;
    let mut tally = Tally::default();
    let mut check = |name: &str, run: fn() -> Result<()>| tally.add_check(name, run());
    check("format", format);
    check("build without the kernel feature", plain_build);
    check("lints", lints);
    check("lints of the kernel programs", bpf::clippy);
    check("committed BPF object is of these sources", not_stale);

    let fresh = bpf::build(bpf::NORMAL).and_then(|object| FreshObject::install(&object));
    if let Err(error) = &fresh {
        tally.add_check("BPF object from source", Err(anyhow::anyhow!("{error:#}")));
    }
    test::all(None, true, &mut tally)?;
    doc_examples::run(&mut tally)?;
    drop(fresh);
    test::finish(&tally)
}

fn format() -> Result<()> {
    step::run("format", host::plain("fmt").args(["--all", "--check"]))
}

/// What needs neither aya nor the kernel has to build on any stable compiler, without flags.
fn plain_build() -> Result<()> {
    let mut cargo = host::plain("check");
    cargo.args(["--package", "probe-user", "--no-default-features", "--lib"]);
    step::run("build without the kernel feature", &mut cargo)
}

fn lints() -> Result<()> {
    let mut cargo = Host::detect()?.kernel("clippy");
    cargo
        .args(["--workspace", "--all-targets"])
        .args(test::TESTS_WITH_KERNEL)
        .args(["--", "-Dwarnings"]);
    step::run("clippy", &mut cargo)
}

fn not_stale() -> Result<()> {
    match bpf::is_stale()? {
        Some(false) => Ok(()),
        Some(true) => bail!("it is stale; commit the result of `cargo xtask bpf`"),
        None => bail!("there is none; commit the result of `cargo xtask bpf`"),
    }
}

/// Puts an object in the committed one's place and the committed one back on drop.
#[derive(Debug)]
struct FreshObject {
    committed: Option<Vec<u8>>,
}

impl FreshObject {
    fn install(object: &Path) -> Result<Self> {
        let fresh =
            fs::read(object).with_context(|| format!("failed to read {}", object.display()))?;
        ensure!(
            fresh.starts_with(b"\x7fELF"),
            "{} is not an ELF file",
            object.display()
        );
        let committed = fs::read(bpf::prebuilt()).ok();
        if committed.as_ref() == Some(&fresh) {
            eprintln!("[xtask] the fresh BPF object is the committed one, byte for byte");
            return Ok(Self { committed: None });
        }
        fs::write(bpf::prebuilt(), fresh)?;
        Ok(Self { committed })
    }
}

impl Drop for FreshObject {
    fn drop(&mut self) {
        if let Some(committed) = &self.committed
            && let Err(error) = fs::write(bpf::prebuilt(), committed)
        {
            eprintln!(
                "warning: failed to put back {}: {error}",
                bpf::prebuilt().display()
            );
        }
    }
}
