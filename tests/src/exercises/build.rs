//! Builds one program of an exercise.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};

use super::{
    folder,
    table::{Exercise, Needs},
    trial::Side,
};
use crate::go::{Go, Kind};

/// Builds `exercise` into `out` and returns the binary.
pub(super) fn build(
    go: &Go,
    exercise: &Exercise,
    side: Side,
    version: &str,
    kind: Kind,
    out: &Path,
) -> Result<PathBuf> {
    fs::create_dir_all(out)?;
    let package = format!("./{}/{}", exercise.path, side.name());
    // Short: the kernel cuts a program's name after 15 bytes.
    let binary = out.join(format!(
        "{}-{}",
        exercise.path.replace('/', "-"),
        side.name()
    ));
    let with_c = exercise.needs == Needs::C || kind == Kind::Cgo;
    let output = go
        .command(version)
        .args(["build", "-p", "2", "-o"])
        .arg(&binary)
        .args(kind.flags())
        .arg(&package)
        .env("CGO_ENABLED", if with_c { "1" } else { "0" })
        .current_dir(folder())
        .output()?;
    ensure!(
        output.status.success(),
        "go {version} failed to build {package} ({}):\n{}",
        kind.name(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(binary)
}
