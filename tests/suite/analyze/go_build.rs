//! Builds `tests/targets/frames` with any Go release in any kind of build.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// `-s -w`.
    Stripped,
    Trimpath,
    Pie,
    /// Linked by the C compiler.
    Cgo,
    /// The C linker merges Go's tables into `.data.rel.ro` up to Go 1.25.
    CgoPie,
    StrippedPie,
    /// Without optimization and inlining.
    Unoptimized,
    Race,
    /// Linked by Go's own linker, as programs are that have no C of their own.
    RaceInternal,
}

impl Kind {
    pub(super) fn uses_cgo(self) -> bool {
        matches!(
            self,
            Self::Cgo | Self::CgoPie | Self::Race | Self::RaceInternal
        )
    }

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Stripped => &["-ldflags=-s -w"],
            Self::Trimpath => &["-trimpath"],
            Self::Pie => &["-buildmode=pie"],
            Self::Cgo => &["-ldflags=-linkmode=external"],
            Self::CgoPie => &["-buildmode=pie", "-ldflags=-linkmode=external"],
            Self::Unoptimized => &["-gcflags=all=-N -l"],
            Self::Race => &["-race"],
            Self::RaceInternal => &["-race", "-ldflags=-linkmode=internal"],
            Self::StrippedPie => &["-buildmode=pie", "-ldflags=-s -w"],
        }
    }
}

/// A Go toolchain, and a directory for what it builds.
pub(super) struct Go {
    toolchain: String,
    directory: tempfile::TempDir,
}

impl Go {
    /// Returns the toolchain of a release, or `None`, with the reason printed, where it cannot be had.
    ///
    /// With `RTPROBE_REQUIRE=1` that is a failure.
    pub(super) fn of(version: &str) -> Result<Option<Self>> {
        match Self::find(version) {
            Ok(go) => Ok(Some(go)),
            Err(error) if env::var_os("RTPROBE_REQUIRE").is_some_and(|value| value == "1") => {
                Err(error)
            }
            Err(error) => {
                eprintln!("skipped: {error:#}");
                Ok(None)
            }
        }
    }

    fn find(version: &str) -> Result<Self> {
        let directory = tempfile::tempdir().context("failed to make a directory")?;
        let local = Self {
            toolchain: "local".into(),
            directory,
        };
        let found = local.run(&["env", "GOVERSION"], &[]);
        if found.is_ok_and(|found| found.trim().starts_with(&format!("go{version}."))) {
            return Ok(local);
        }
        let exact = if version.matches('.').count() == 1 {
            format!("{version}.0")
        } else {
            version.into()
        };
        let go = Self {
            toolchain: format!("go{exact}"),
            ..local
        };
        let found = go.run(&["env", "GOVERSION"], &[])?;
        ensure!(
            found.trim() == go.toolchain,
            "toolchain {} was asked for, {} answered",
            go.toolchain,
            found.trim()
        );
        Ok(go)
    }

    /// Builds the program.
    pub(super) fn build(&self, kind: Kind) -> Result<PathBuf> {
        self.build_with(&format!("{kind:?}"), kind, kind.flags())
    }

    fn build_with(&self, name: &str, kind: Kind, flags: &[&str]) -> Result<PathBuf> {
        let path = self.directory.path().join(name);
        let mut arguments = vec!["build", "-p", "2", "-o"];
        arguments.push(path.to_str().context("directory is not UTF-8")?);
        arguments.extend(flags);
        arguments.push(".");
        let cgo = if kind.uses_cgo() { "1" } else { "0" };
        self.run(&arguments, &[("CGO_ENABLED", cgo)])?;
        Ok(path)
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Result<String> {
        let mut command = Command::new("go");
        command
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("targets/frames"))
            .env("GOTOOLCHAIN", &self.toolchain)
            .env("GOFLAGS", "")
            .env("GOWORK", "off")
            .env("GOAMD64", "v1")
            .envs(environment.iter().copied());
        output(&mut command)
    }
}

/// Returns what a command prints, or an error with what it complains of.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("failed to run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("output is not UTF-8")
}
