//! The programs of the catalogue's exercises, stripped, at the oldest and the newest release: they are judged right,
//! as by `cargo xtask exercises --go 1.21,1.27 --build stripped`.
//!
//! Under the default limit hot probes are on in a few random windows of 5 s, and which program lacks evidence then
//! differs from run to run. So a few may be told to lack it, and each is named; none may be judged wrong.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    time::Duration,
};

use rtprobe_tests::{
    exercises::{self, EXERCISES, Outcome, Side, Trial},
    go::{Go, Kind, NEWEST, VERSIONS},
};

use crate::support::{binary, require_c, require_go, require_root_alone};

/// How long each program is watched: two beats of the slowest, and windows for hot probes.
const WINDOW: Duration = Duration::from_secs(5);
/// Programs at a time; each uses a small share of a processor.
const JOBS: usize = 6;
/// Of 130 programs so many may lack evidence, both times: none did in fourteen runs that had the machine for
/// themselves, but others may use it.
const TOLERATED: usize = 4;

/// What a program is taken for, and whether that is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Right,
    Undecided,
    Wrong,
}

/// Says what came of a program, where that is worth a line, also in a run that succeeds.
fn tell(trial: &Trial<'_>, outcome: &anyhow::Result<Outcome>) -> Judged {
    let name = format!(
        "{} {} {}",
        trial.exercise.path,
        trial.side.name(),
        trial.version
    );
    let (line, judged) = match outcome {
        Ok(outcome) if outcome.first_faults.is_empty() => return Judged::Right,
        Ok(outcome) if outcome.faults.is_empty() => (
            format!(
                "{name}: right the second time; the first time {}",
                outcome.first_faults.join("; ")
            ),
            Judged::Right,
        ),
        Ok(outcome) => (
            format!(
                "{name}: wrong twice: {}; the first time {}",
                outcome.faults.join("; "),
                outcome.first_faults.join("; ")
            ),
            if exercises::is_undecided(&outcome.faults) {
                Judged::Undecided
            } else {
                Judged::Wrong
            },
        ),
        Err(error) => (format!("{name}: {error:#}"), Judged::Wrong),
    };
    // Past libtest, which keeps what succeeding tests print.
    let line = format!("[exercises] {line}\n");
    io::stderr().write_all(line.as_bytes()).unwrap();
    judged
}

fn are_judged_right(version: &'static str) -> Option<()> {
    require_root_alone()?;
    require_go(version)?;
    require_c()?;
    let go = Go::find()?;
    let rtprobe = binary();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("exercises-{version}"));
    fs::create_dir_all(&out).unwrap();
    let trials: Vec<Trial<'_>> = EXERCISES
        .iter()
        .flat_map(|exercise| Side::ALL.map(|side| (exercise, side)))
        .map(|(exercise, side)| Trial {
            exercise,
            side,
            version: version.to_owned(),
            kind: Kind::Stripped,
            go: &go,
            rtprobe: &rtprobe,
            out: &out,
            window: WINDOW,
            keep: false,
        })
        .filter(Trial::exists)
        .collect();
    let mut judged = Vec::new();
    exercises::run(&trials, JOBS, |trial, outcome| {
        let name = format!("{} {}", trial.exercise.path, trial.side.name());
        judged.push((tell(trial, &outcome), name));
    })
    .unwrap();
    assert_eq!(judged.len(), trials.len());
    let all = |which| -> Vec<&str> {
        let of_them = judged.iter().filter(|(judged, _)| *judged == which);
        of_them.map(|(_, name)| name.as_str()).collect()
    };
    let (wrong, undecided) = (all(Judged::Wrong), all(Judged::Undecided));
    assert!(wrong.is_empty(), "misjudged at Go {version}: {wrong:#?}");
    assert!(
        undecided.len() <= TOLERATED,
        "too little is known of {} at Go {version}: {undecided:#?}",
        undecided.len()
    );
    Some(())
}

#[test]
fn programs_are_judged_right_at_the_oldest_release() {
    are_judged_right(VERSIONS[0]);
}

#[test]
fn programs_are_judged_right_at_the_newest_release() {
    are_judged_right(NEWEST);
}
