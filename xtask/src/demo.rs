//! `cargo xtask demo`: rtprobe at work on the bundled Go service, with nothing to prepare.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rtprobe_tests::go::{self, Kind};

use crate::{build, setup, step, workspace};

const WATCH: &str = "10s";

pub(crate) fn run(args: &[String]) -> Result<()> {
    ensure!(args.is_empty(), "usage: cargo xtask demo");
    let binary = build::binary()?;
    let service = service()?;
    let recording = workspace::target().join("demo/demo.rtp");
    fs::create_dir_all(workspace::target().join("demo"))?;

    if recording.exists() {
        fs::remove_file(&recording)
            .with_context(|| format!("failed to remove {}", recording.display()))?;
    }

    let Some(mut record) = as_root(&binary) else {
        println!(
            "Watching another process needs root, and there is no sudo here. As root, type:\n"
        );
        println!("  {}", by_hand(&binary, &service, &recording));
        return Ok(());
    };
    let target = Service::start(&service)?;
    record
        .args([
            "record",
            "--pid",
            &target.pid().to_string(),
            "--duration",
            WATCH,
            "--save",
        ])
        .arg(&recording);
    let watched = step::run(
        &format!("rtprobe watches the service for {WATCH}"),
        &mut record,
    );
    drop(target);
    watched.with_context(|| {
        format!(
            "to repeat this step as root: {}",
            by_hand(&binary, &service, &recording)
        )
    })?;
    let size = fs::metadata(&recording)
        .with_context(|| format!("rtprobe left no recording at {}", recording.display()))?
        .len();
    println!(
        "\nsaved {} ({} KiB)",
        recording.display(),
        size.div_ceil(1024)
    );
    println!(
        "read it again: {} report {}",
        binary.display(),
        recording.display()
    );
    Ok(())
}

/// Builds the service with the Go release that is there, with C where there is a compiler for it.
fn service() -> Result<PathBuf> {
    let go = setup::go()?;
    let kind = if go::has_c_compiler() {
        Kind::Cgo
    } else {
        Kind::Plain
    };
    let version = go.version().to_owned();
    step::step(
        &format!("demo service, go {version}, {}", kind.name()),
        || go.build("demo", &version, kind),
    )
}

/// The command that runs `binary` as root; `None`: there is no way to.
fn as_root(binary: &Path) -> Option<Command> {
    if setup::is_root() {
        return Some(Command::new(binary));
    }
    if !setup::answers(Command::new("sudo").arg("--version")) {
        return None;
    }
    eprintln!(
        "[xtask] only the next step needs root: sudo {} record …",
        binary.display()
    );
    let mut sudo = Command::new("sudo");
    sudo.arg("--").arg(binary);
    Some(sudo)
}

fn by_hand(binary: &Path, service: &Path, recording: &Path) -> String {
    let (binary, service, recording) = (binary.display(), service.display(), recording.display());
    format!("{binary} record --duration {WATCH} --save {recording} -- {service} -duration 60s")
}

/// The running service; ends with this value, and with this process however it ends: it watches its stdin.
#[derive(Debug)]
struct Service {
    child: Child,
}

impl Service {
    fn start(binary: &Path) -> Result<Self> {
        let mut child = Command::new(binary)
            .args(["-duration", "120s"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("failed to start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the service has no stdout")?;
        let service = Self { child };
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().context("the service ended at once")??;
        ensure!(
            first.starts_with("READY"),
            "the service said `{first}` where READY was expected"
        );
        thread::spawn(move || lines.for_each(drop));
        Ok(service)
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let give_up = Instant::now() + Duration::from_secs(3);
        while Instant::now() < give_up {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!(
                "warning: failed to end the service {}: {error}",
                self.child.id()
            );
        }
    }
}
