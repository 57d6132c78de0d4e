//! What a test needs of its machine. A test that can't have it says so and returns; with `RTPROBE_REQUIRE=1` it fails.

use std::{
    env,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    process::Command,
    thread,
};

use rtprobe_tests::go::{self, Go, Kind, Released};

use super::quiet;

/// Returns whether this process may load programs into the kernel.
pub(crate) fn require_root() -> Option<()> {
    quiet::share();
    root()
}

/// The same for a test that measures time: no other test drives targets meanwhile.
pub(crate) fn require_root_alone() -> Option<()> {
    quiet::alone();
    root()
}

fn root() -> Option<()> {
    let owner = fs::metadata("/proc/self").unwrap().uid();
    if owner == 0 {
        Some(())
    } else {
        skip(&format!("needs root, runs as user {owner}"))
    }
}

/// Returns the toolchain of one Go release, fetched where it has to be.
pub(crate) fn require_go(version: &'static str) -> Option<Toolchain> {
    let Some(go) = Go::find() else {
        return skip("needs Go 1.21 or newer; `cargo xtask setup` installs it");
    };
    match go.fetch(version) {
        Ok(()) => Some(Toolchain { go, version }),
        Err(error) => skip(&format!("{error:#}")),
    }
}

/// Returns a program that nobody here wrote, built by the newest Go; fetching it needs the Go module proxy.
pub(crate) fn require_server(program: &Released) -> Option<PathBuf> {
    if program.cgo {
        require_c()?;
    }
    let Toolchain { go, version } = require_go(go::NEWEST)?;
    match go.install(program, version) {
        Ok(binary) => Some(binary),
        Err(error) => skip(&format!("{error:#}")),
    }
}

/// Returns whether Go can call C here.
pub(crate) fn require_c() -> Option<()> {
    if go::has_c_compiler() {
        Some(())
    } else {
        skip("needs a C compiler")
    }
}

/// Returns whether a program can be run here.
pub(crate) fn require_command(name: &str) -> Option<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).any(|dir| dir.join(name).is_file());
    if found {
        Some(())
    } else {
        skip(&format!("needs {name} in the PATH"))
    }
}

/// One Go release.
#[derive(Debug)]
pub(crate) struct Toolchain {
    go: Go,
    version: &'static str,
}

impl Toolchain {
    /// Builds `tests/targets/NAME`; panics with the compiler's words where that fails.
    #[track_caller]
    pub(crate) fn build(&self, name: &str, kind: Kind) -> PathBuf {
        self.go
            .build(name, self.version, kind)
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// `go` of this release, in the directory of the target programs.
    pub(crate) fn command(&self) -> Command {
        self.go.command(self.version)
    }

    pub(crate) fn version(&self) -> &'static str {
        self.version
    }
}

/// Says that the running test is skipped: to a person, and to `cargo xtask test`, which counts these.
#[track_caller]
fn skip<T>(reason: &str) -> Option<T> {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    assert!(
        env::var_os("RTPROBE_REQUIRE").is_none_or(|value| value != "1"),
        "{name} may not be skipped (RTPROBE_REQUIRE=1), but it {reason}"
    );
    eprintln!("skipped {name}: {reason}");
    if let Some(list) = env::var_os("RTPROBE_SKIPS") {
        let mut list = OpenOptions::new()
            .append(true)
            .create(true)
            .open(list)
            .unwrap();
        // One write, so that tests in parallel don't mix their lines.
        list.write_all(format!("{name}: {reason}\n").as_bytes())
            .unwrap();
    }
    None
}
