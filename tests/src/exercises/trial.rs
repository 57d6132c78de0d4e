//! One program, built one way, watched once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    build::build,
    environment::Quota,
    folder,
    judge::judge,
    mark::marks,
    program::{Program, Truth},
    said::Said,
    table::{Exercise, Needs, no_longer_costs},
};
use crate::go::{Go, Kind};

/// Which of an exercise's programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    Before,
    After,
    Alike,
}

impl Side {
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Alike];

    /// The name of the folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Alike => "alike",
        }
    }
}

/// What is to be watched, and with what.
#[derive(Clone, Debug)]
pub struct Trial<'a> {
    pub exercise: &'a Exercise,
    pub side: Side,
    pub version: String,
    pub kind: Kind,
    pub go: &'a Go,
    pub rtprobe: &'a Path,
    /// Where binaries are built.
    pub out: &'a Path,
    /// How long rtprobe watches.
    pub window: Duration,
    /// Leaves binary and report where they are.
    pub keep: bool,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What is wrong with the report; empty: nothing.
    pub faults: Vec<String>,
    /// What was wrong the first time, where it was watched twice; empty: it was watched once.
    #[serde(default)]
    pub first_faults: Vec<String>,
    /// Why this build costs nothing any more.
    pub free: Option<String>,
    pub truth: Truth,
    /// What rtprobe says it has cost the program, of its CPU time.
    pub cost_share: Option<f64>,
    pub budget_share: Option<f64>,
}

impl Trial<'_> {
    /// Whether the exercise has such a program.
    pub fn exists(&self) -> bool {
        self.source().join("main.go").exists()
    }

    /// Builds the program.
    ///
    /// # Errors
    /// There is no compiler, or it finds fault.
    pub fn build(&self) -> Result<PathBuf> {
        build(
            self.go,
            self.exercise,
            self.side,
            &self.version,
            self.kind,
            self.out,
        )
    }

    /// Starts the program, lets rtprobe watch it, and judges the report; one that is judged wrong is watched once
    /// more, and then it counts.
    ///
    /// # Errors
    /// Whatever keeps it from being judged at all: no cgroup, a program or an rtprobe that fails.
    pub fn run(&self, binary: &Path) -> Result<Outcome> {
        let first = self.run_once(binary);
        let outcome = match first {
            Ok(first) if !first.faults.is_empty() => self.run_once(binary).map(|second| Outcome {
                first_faults: first.faults,
                ..second
            }),
            other => other,
        };
        if !self.keep {
            fs::remove_file(binary)?;
        }
        outcome
    }

    fn run_once(&self, binary: &Path) -> Result<Outcome> {
        let (report, truth) = self.watch(binary)?;
        if self.keep {
            fs::write(binary.with_extension("json"), &report)?;
        }
        let said: Said = serde_json::from_slice(&report).context("failed to read the report")?;
        let free =
            no_longer_costs(self.exercise, &self.version).filter(|_| self.side == Side::Before);
        let marks = marks(&folder(), &self.source())?;
        Ok(Outcome {
            first_faults: Vec::new(),
            faults: judge(self.exercise, self.side, free.is_some(), &marks, &said),
            free: free.map(str::to_owned),
            truth,
            cost_share: said.cost.target_share,
            budget_share: said.cost.budget_share,
        })
    }

    fn source(&self) -> PathBuf {
        folder().join(self.exercise.path).join(self.side.name())
    }

    fn watch(&self, binary: &Path) -> Result<(Vec<u8>, Truth)> {
        let quota = match self.exercise.needs {
            Needs::Quota(cpus) => Some(Quota::new(self.allowed(cpus))?),
            Needs::Nothing | Needs::C => None,
        };
        let mut command = quota
            .as_ref()
            .map_or_else(|| Command::new(binary), |quota| quota.command(binary));
        command.env("TMPDIR", self.out);
        let program = Program::start(&mut command)?;
        let report = self.record(program.pid())?;
        let truth = program.finish()?;
        drop(quota);
        Ok((report, truth))
    }

    /// The look-alike of a quota that is too small is one that is not.
    fn allowed(&self, cpus: f64) -> f64 {
        if self.side == Side::Alike {
            cpus * 64.0
        } else {
            cpus
        }
    }

    fn record(&self, pid: u32) -> Result<Vec<u8>> {
        let output = Command::new(self.rtprobe)
            .args(["record", "--pid", &pid.to_string(), "--duration"])
            .arg(format!("{}ms", self.window.as_millis()))
            .args(["--format", "json", "--no-save", "--no-progress"])
            .output()
            .with_context(|| format!("failed to run {}", self.rtprobe.display()))?;
        ensure!(
            output.status.success(),
            "rtprobe ended with {}: {}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(output.stdout)
    }
}
