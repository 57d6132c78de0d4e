//! `cargo xtask bpf`: compiles the kernel programs with whichever BPF toolchain this machine has.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{source_hash, step, workspace};

const TARGET: &str = "bpfel-unknown-none";

/// `target-cpu=v3` gives 32-bit jumps and the atomics that return the old value (Linux 5.12).
/// `bpf_target_arch` chooses aya-ebpf's register layout; without it cross builds would follow the build host.
const RUSTFLAGS: &str =
    "-Clinker=bpf-linker -Ctarget-cpu=v3 -Cpanic=abort --cfg=bpf_target_arch=\"x86_64\"";

/// One way to build the kernel programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant {
    features: &'static str,
    file: &'static str,
}

/// What is committed and embedded.
pub(crate) const NORMAL: Variant = Variant {
    features: "programs",
    file: "rtprobe.bpf.o",
};
/// With diagnostics through aya-log, for the feature `bpf-log` of `probe-user`.
pub(crate) const LOG: Variant = Variant {
    features: "log",
    file: "rtprobe-log.bpf.o",
};

pub(crate) fn run(args: &[String]) -> Result<()> {
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let object = build(NORMAL)?;
            let hash = sources()?;
            let prebuilt = prebuilt();
            fs::create_dir_all(
                prebuilt
                    .parent()
                    .context("prebuilt object without a directory")?,
            )?;
            fs::copy(&object, &prebuilt)?;
            fs::write(hash_file(), format!("{hash}\n"))?;
            eprintln!("[xtask] wrote {} (sources {hash})", prebuilt.display());
        }
        ["--log"] => eprintln!("[xtask] wrote {}", build(LOG)?.display()),
        _ => bail!("usage: cargo xtask bpf [--log]"),
    }
    Ok(())
}

/// Compiles `variant` and returns the object's path below `target/bpf`.
pub(crate) fn build(variant: Variant) -> Result<PathBuf> {
    let toolchain = Toolchain::find()?;
    let target_dir = workspace::cargo_target().join("bpf-build");
    let mut cargo = toolchain.cargo("build");
    cargo
        .args(["--release", "-Zbuild-std=core", "--target", TARGET])
        .args([
            "--package",
            "probe-ebpf",
            "--bin",
            "probe-ebpf",
            "--features",
            variant.features,
        ])
        .env("CARGO_TARGET_DIR", &target_dir);
    step::run(
        &format!("BPF object {} with {}", variant.file, toolchain.name()),
        &mut cargo,
    )?;
    let object = workspace::target().join("bpf").join(variant.file);
    fs::create_dir_all(workspace::target().join("bpf"))?;
    fs::copy(target_dir.join(TARGET).join("release/probe-ebpf"), &object)?;
    Ok(object)
}

/// Clippy over the kernel programs, warnings as errors.
pub(crate) fn clippy() -> Result<()> {
    let toolchain = Toolchain::find()?;
    let Some(mut cargo) = toolchain.clippy() else {
        eprintln!(
            "[xtask] {} has no clippy: kernel programs are compiled only",
            toolchain.name()
        );
        return Ok(());
    };
    cargo
        .args([
            "-Zbuild-std=core",
            "--target",
            TARGET,
            "--package",
            "probe-ebpf",
        ])
        .args(["--bin", "probe-ebpf", "--features", LOG.features])
        .env(
            "CARGO_TARGET_DIR",
            workspace::cargo_target().join("bpf-clippy"),
        )
        .args(["--", "-Dwarnings"]);
    step::run("clippy of the kernel programs", &mut cargo)
}

/// Whether the committed object was made from other sources than these; `None`: nothing is committed.
pub(crate) fn is_stale() -> Result<Option<bool>> {
    if !prebuilt().exists() {
        return Ok(None);
    }
    let committed = fs::read_to_string(hash_file()).unwrap_or_default();
    Ok(Some(committed.trim() != sources()?))
}

/// The committed object, which `probe-user` embeds.
pub(crate) fn prebuilt() -> PathBuf {
    workspace::root().join("probe-ebpf/prebuilt/rtprobe.bpf.o")
}

fn hash_file() -> PathBuf {
    workspace::root().join("probe-ebpf/prebuilt/rtprobe.bpf.sha256")
}

fn sources() -> Result<String> {
    source_hash::compute(workspace::root(), RUSTFLAGS)
}

/// A compiler for `bpfel-unknown-none`, which has to come with the sources of `core`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Toolchain {
    /// Debian's rustc-web, cargo-web and rust-web-src.
    Debian,
    /// rustup's nightly with rust-src.
    Nightly,
}

impl Toolchain {
    /// Finds a compiler and checks that the linker is there.
    pub(crate) fn find() -> Result<Self> {
        step::output(Command::new("bpf-linker").arg("--version"))
            .context("no bpf-linker; `cargo xtask setup` installs it")?;
        Self::compiler().context("no compiler for BPF; `cargo xtask setup` installs one")
    }

    pub(crate) fn compiler() -> Option<Self> {
        let debian = [
            "/usr/bin/rustc",
            "/usr/bin/cargo",
            "/usr/lib/rustlib/src/rust/library/core",
        ];
        if debian.iter().all(|path| Path::new(path).exists()) {
            return Some(Self::Debian);
        }
        let nightly = ["run", "nightly", "rustc", "--print", "sysroot"];
        let sysroot = step::output(Command::new("rustup").args(nightly)).ok()?;
        let core = Path::new(&sysroot).join("lib/rustlib/src/rust/library/core");
        core.exists().then_some(Self::Nightly)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debian => "Debian's rustc",
            Self::Nightly => "rustup's nightly",
        }
    }

    fn cargo(self, subcommand: &str) -> Command {
        let mut cargo = match self {
            Self::Debian => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo.env("RUSTC", "/usr/bin/rustc");
                cargo
            }
            Self::Nightly => {
                let mut rustup = Command::new("rustup");
                rustup.args(["run", "nightly", "cargo"]).env_remove("RUSTC");
                rustup
            }
        };
        cargo
            .arg(subcommand)
            .current_dir(workspace::root())
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN")
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", RUSTFLAGS)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "3")
            .env("CARGO_PROFILE_RELEASE_PANIC", "abort")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .arg("--ignore-rust-version");
        cargo
    }

    fn clippy(self) -> Option<Command> {
        let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
        match self {
            Self::Debian => has("/usr/bin/cargo-clippy").then(|| self.cargo("clippy")),
            Self::Nightly => Some(self.cargo("clippy")),
        }
    }
}
