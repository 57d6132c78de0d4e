//! `cargo xtask build`: the release binary, at a place that does not depend on cargo's settings.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::{bpf, host::Host, step, workspace};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let log = args == ["--log"];
    ensure!(args.is_empty() || log, "usage: cargo xtask build [--log]");
    let binary = if log { logging_binary()? } else { binary()? };
    println!("{}", binary.display());
    Ok(())
}

/// Builds the variant whose kernel programs say at `-vv` what they see.
fn logging_binary() -> Result<PathBuf> {
    let object = bpf::build(bpf::LOG)?;
    let host = Host::detect()?;
    let mut cargo = host.kernel("build");
    cargo.args(["--release", "--package", "probe-user", "--bin", "rtprobe"]);
    cargo
        .args(["--features", "bpf-log"])
        .env("RTPROBE_BPF_LOG_OBJECT", object);
    step::run(
        "release build of rtprobe with kernel diagnostics",
        &mut cargo,
    )?;
    install(&host)
}

/// Builds and returns the path of the copy.
pub(crate) fn binary() -> Result<PathBuf> {
    match bpf::is_stale()? {
        Some(false) => {}
        Some(true) => eprintln!(
            "warning: the committed BPF object is older than its sources; `cargo xtask bpf` rebuilds it"
        ),
        None => eprintln!("warning: no BPF object at {}", bpf::prebuilt().display()),
    }
    let host = Host::detect()?;
    let mut cargo = host.kernel("build");
    cargo.args(["--release", "--package", "probe-user", "--bin", "rtprobe"]);
    step::run("release build of rtprobe", &mut cargo)?;
    install(&host)
}

/// Copies what was built to its place.
fn install(host: &Host) -> Result<PathBuf> {
    let built = host.kernel_target().join("release/rtprobe");
    let dist = workspace::binary();
    fs::create_dir_all(workspace::target().join("dist"))?;
    // A rename replaces a binary that runs; writing into it would fail with ETXTBSY.
    let fresh = dist.with_extension("fresh");
    fs::copy(&built, &fresh).with_context(|| format!("failed to copy {}", built.display()))?;
    fs::rename(&fresh, &dist)?;
    Ok(dist)
}
