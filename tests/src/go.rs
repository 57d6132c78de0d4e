//! Builds the target programs with any Go release, in any of the shapes that binaries come in.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

/// The releases that rtprobe is tested with: the newest patch known of each minor since 1.21.
pub const VERSIONS: &[&str] = &[
    "1.21.13", "1.22.12", "1.23.12", "1.24.11", "1.25.5", "1.26.0", "1.27.3",
];

/// The release for whatever needs only one.
pub const NEWEST: &str = "1.27.3";

/// First release whose `go` command fetches others (`GOTOOLCHAIN`).
const FIRST_SWITCHING: (u32, u32) = (1, 21);

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Static, with symbol table and DWARF.
    Plain,
    /// `-ldflags="-s -w"`: neither symbol table nor DWARF.
    Stripped,
    /// `-trimpath`: no directories of the build machine.
    Trimpath,
    /// `-buildmode=pie`.
    Pie,
    /// Linked with the C runtime by the system's linker.
    Cgo,
    /// `-buildmode=pie -ldflags="-s -w"`.
    StrippedPie,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Plain,
        Self::Stripped,
        Self::Trimpath,
        Self::Pie,
        Self::Cgo,
        Self::StrippedPie,
    ];

    /// The name on the command line and of the output directory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Stripped => "stripped",
            Self::Trimpath => "trimpath",
            Self::Pie => "pie",
            Self::Cgo => "cgo",
            Self::StrippedPie => "spie",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// What `go build` is told to make it.
    pub fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Stripped => &["-ldflags=-s -w"],
            Self::Trimpath => &["-trimpath"],
            Self::Pie => &["-buildmode=pie"],
            Self::Cgo => &["-ldflags=-linkmode=external"],
            Self::StrippedPie => &["-buildmode=pie", "-ldflags=-s -w"],
        }
    }
}

/// A `go` command that can run any release.
#[derive(Clone, Debug)]
pub struct Go {
    command: PathBuf,
    version: String,
}

impl Go {
    /// Finds one: `RTPROBE_GO`, the `PATH`, /usr/local/go, or what `cargo xtask setup` has installed.
    pub fn find() -> Option<Self> {
        let candidates = [
            env::var_os("RTPROBE_GO").map(PathBuf::from),
            Some(PathBuf::from("go")),
            Some(PathBuf::from("/usr/local/go/bin/go")),
            Some(installed()),
        ];
        candidates.into_iter().flatten().find_map(|command| {
            let output = Command::new(&command)
                .args(["env", "GOVERSION"])
                .current_dir(targets())
                .env("GOTOOLCHAIN", "local")
                .output()
                .ok()?;
            let version = String::from_utf8(output.stdout).ok()?;
            let version = version.trim();
            (minor(version)? >= FIRST_SWITCHING).then(|| Self {
                command,
                version: version.trim_start_matches("go").to_owned(),
            })
        })
    }

    /// The release that needs no fetching, such as `1.26.8`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Makes sure that `version` can be run, fetching it through the Go module proxy where it has to be.
    pub fn fetch(&self, version: &str) -> Result<()> {
        let output = self.command(version).arg("version").output();
        let output = output.with_context(|| format!("failed to run {}", self.command.display()))?;
        ensure!(
            output.status.success(),
            "go {version} is not to be had: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }

    /// The `go` command of `version`, free of settings that would change what it builds.
    pub fn command(&self, version: &str) -> Command {
        let mut go = Command::new(&self.command);
        go.env("GOTOOLCHAIN", format!("go{version}"))
            .env("GOFLAGS", "-buildvcs=false")
            .env("GOWORK", "off")
            .env("GOOS", "linux")
            .env("GOARCH", "amd64")
            .env_remove("GOAMD64")
            .env_remove("GOEXPERIMENT")
            .env_remove("GODEBUG")
            .current_dir(targets());
        go
    }

    /// Builds `tests/targets/NAME` and returns the binary, `target/go/VERSION/KIND/NAME`.
    ///
    /// Go's own cache makes a repetition cheap. Builders of the same binary wait for each other, also across
    /// processes, so that nobody starts a half-written one.
    pub fn build(&self, name: &str, version: &str, kind: Kind) -> Result<PathBuf> {
        let source = targets().join(name);
        ensure!(
            source.join("go.mod").exists(),
            "no target program at {}",
            source.display()
        );
        let dir = root().join("target/go").join(version).join(kind.name());
        fs::create_dir_all(&dir)?;
        let lock = File::create(dir.join(format!(".{name}.lock")))?;
        lock.lock()?;
        let binary = dir.join(name);
        let output = self
            .command(version)
            .args(["build", "-p", "2", "-o"])
            .arg(&binary)
            .args(kind.flags())
            .arg(".")
            .env(
                "CGO_ENABLED",
                if kind == Kind::Cgo || needs_c(name) {
                    "1"
                } else {
                    "0"
                },
            )
            .current_dir(&source)
            .output()?;
        ensure!(
            output.status.success(),
            "go {version} failed to build {name} ({}):\n{}",
            kind.name(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(binary)
    }
}

/// A program of somebody else's, as the Go module proxy has it.
#[derive(Clone, Copy, Debug)]
pub struct Released {
    /// What the binary is to be called.
    pub name: &'static str,
    pub module: &'static str,
    /// The module's version, such as `v2.10.22`.
    pub release: &'static str,
    /// The directory of the program inside the module; `.`: the module itself.
    pub directory: &'static str,
    /// Whether it is built with its parts in C.
    pub cgo: bool,
}

/// What `go mod download -json` says.
#[derive(Deserialize)]
struct Downloaded {
    #[serde(rename = "Dir")]
    dir: PathBuf,
}

impl Go {
    /// Builds a program of somebody else's, stripped as releases are, and returns the binary,
    /// `target/servers/VERSION/RELEASE/NAME`.
    ///
    /// It is built inside its own module, so that what the module replaces is replaced, as in its releases;
    /// `go install` would refuse that.
    pub fn install(&self, program: &Released, version: &str) -> Result<PathBuf> {
        let dir = root()
            .join("target/servers")
            .join(version)
            .join(program.release);
        fs::create_dir_all(&dir)?;
        let lock = File::create(dir.join(format!(".{}.lock", program.name)))?;
        lock.lock()?;
        let binary = dir.join(program.name);
        if binary.exists() {
            return Ok(binary);
        }
        let source = self.download(program, version)?;
        let output = self
            .command(version)
            .args(["build", "-p", "2", "-trimpath", "-ldflags=-s -w", "-o"])
            .arg(&binary)
            .arg(format!("./{}", program.directory))
            .env("CGO_ENABLED", if program.cgo { "1" } else { "0" })
            .current_dir(source)
            .output()?;
        ensure!(
            output.status.success(),
            "go {version} failed to build {}@{}:\n{}",
            program.module,
            program.release,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(binary)
    }

    /// Fetches a module through the Go module proxy and returns its directory, which is not to be written to.
    fn download(&self, program: &Released, version: &str) -> Result<PathBuf> {
        let module = format!("{}@{}", program.module, program.release);
        let output = self
            .command(version)
            .args(["mod", "download", "-json", &module])
            .output()?;
        ensure!(
            output.status.success(),
            "{module} is not to be had: {}",
            String::from_utf8_lossy(&output.stdout).trim()
        );
        let downloaded: Downloaded = serde_json::from_slice(&output.stdout)?;
        Ok(downloaded.dir)
    }
}

/// Names of the target programs, sorted.
pub fn names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(targets())? {
        let entry = entry?;
        if entry.path().join("main.go").exists() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Whether there is a C compiler for Go to use.
pub fn has_c_compiler() -> bool {
    let compiler = env::var_os("CC").unwrap_or_else(|| "gcc".into());
    Command::new(compiler)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Whether a target program is C in part, and so is built with cgo in every kind.
pub fn needs_c(name: &str) -> bool {
    name.ends_with("cgo")
}

/// Where `cargo xtask setup` puts a `go` command on machines that have none.
pub fn installed() -> PathBuf {
    root().join("target/go-venv/bin/go")
}

fn root() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

fn targets() -> PathBuf {
    root().join("tests/targets")
}

/// Returns major and minor of `go1.27.3`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.strip_prefix("go")?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor: String = parts
        .next()?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_are_read_with_and_without_a_patch() {
        assert_eq!(minor("go1.27.3"), Some((1, 27)));
        assert_eq!(minor("go1.21rc2"), Some((1, 21)));
        assert_eq!(minor("devel go1.28"), None);
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for &kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("fat"), None);
    }
}
